"""Server time of every board, list and report page over many cases: p50 and p95.

    python -m benchmarks.pages --database sqlite:////path/to/file --cases 200000 --times 100

An empty database is filled with made-up cases first. Pages are asked in turn, so that none lives on
another's cache alone; a change is written before each round, so that none lives on its own.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import numpy as np
import typer
from fastapi import FastAPI
from fastapi.testclient import TestClient
from rich.progress import track
from rich.table import Table
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from benchmarks.cases import Plan, fill
from serving.api.app import create_app
from serving.cli.console import out
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store import sessions, users
from serving.store.database import connect, migrate
from serving.store.rows.cases import CaseRow
from serving.store.sessions import Visit

PAGES = (
    "/ui/boards",
    "/ui/boards?branch=城东支行",
    "/ui/boards/trends",
    "/ui/boards/trends?along=lead&step=day",
    "/ui/boards/hotspots",
    "/ui/boards/departments",
    "/ui/boards/departments?by=branch&days=365",
    "/ui/boards/deadlines",
    "/ui/boards/deadlines?days=365",
    "/ui/boards/reviewers",
    "/ui/boards/model",
    "/ui/cases",
    "/ui/cases?clock=statutory:overdue&sort=due",
    "/ui/cases?review=waiting&sort=priority&page=20",
    "/ui/cases?judged=product:changed",
    "/ui/reports",
    "/ui/reports?table=product",
    "/ui/reports?table=product_reason",
)


def main(
    database: Annotated[str, typer.Option(help="SQLAlchemy URL; filled where it is empty.")],
    cases: Annotated[int, typer.Option(help="How many cases to fill in.")] = 200_000,
    times: Annotated[int, typer.Option(help="How often each page is asked.")] = 100,
    changing: Annotated[bool, typer.Option(help="Change a case before each round.")] = True,
) -> None:
    """Measure, and print a table."""
    settings = Settings(database_url=database)
    pipeline = Pipeline.open(settings)
    engine = connect(database)
    migrate(engine)
    now = datetime.now(UTC)
    _filled(engine, cases, now, pipeline)
    app = create_app(settings, pipeline)
    with TestClient(app, follow_redirects=False) as client:
        _sign_in(app, client)
        begun = time.perf_counter()
        _ask(client, PAGES[0])
        first = time.perf_counter() - begun
        for page in PAGES:
            _ask(client, page)
        taken: dict[str, list[float]] = {page: [] for page in PAGES}
        for _ in track(range(times), "pages"):
            if changing:
                _change(engine)
            for page in PAGES:
                taken[page].append(_ask(client, page))
    engine.dispose()
    _print(taken, first)


def _filled(engine: Engine, cases: int, now: datetime, pipeline: Pipeline) -> None:
    with Session(engine) as session:
        there = session.scalar(select(func.count()).select_from(CaseRow)) or 0
    if not there:
        out.print(f"filling in {cases:,} cases")
        fill(engine, Plan(cases, now, surge=0.1), pipeline.taxonomy, pipeline.policies.at(now))


def _sign_in(app: FastAPI, client: TestClient) -> None:
    now = datetime.now(UTC)
    with app.state.sessions.begin() as session:
        person = users.Person(f"bench{int(now.timestamp())}", "测速", "admin")
        user = users.add(session, person, None, "bench", now)
        visit = Visit("bench", "bench")
        token, _ = sessions.start(session, user.id, visit, app.state.web_lifetime, now)
    client.cookies.set("suda_session", token)


def _change(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        newest = session.scalar(select(func.max(CaseRow.complaint_id)))
        session.execute(
            update(CaseRow)
            .where(CaseRow.complaint_id == newest)
            .values(priority=0.5, updated_at=datetime.now(UTC))
        )


def _ask(client: TestClient, page: str) -> float:
    begun = time.perf_counter()
    answer = client.get(page)
    taken = time.perf_counter() - begun
    if answer.status_code != 200:
        raise RuntimeError(f"{page} answered {answer.status_code}")
    return taken


def _print(taken: dict[str, list[float]], first: float) -> None:
    shown = Table("page", "p50 ms", "p95 ms", "max ms")
    for page, seconds in taken.items():
        middle, high = np.percentile(seconds, [50, 95]) * 1000
        shown.add_row(page, f"{middle:.1f}", f"{high:.1f}", f"{max(seconds) * 1000:.1f}")
    out.print(shown)
    out.print(f"first visit, which reads everything: {first:.1f} s")


if __name__ == "__main__":
    typer.run(main)
