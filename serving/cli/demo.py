"""`suda demo`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

import data
from data.labelled import load_labelled
from data.splits import partition
from serving.cli.console import err, out, progress
from serving.cli.store import actor, store
from serving.demo.fill import fill
from serving.pipeline import Pipeline
from serving.review.desk import Reviewer
from serving.security.passwords import generated, hashed
from serving.security.roles import Role
from serving.settings import Settings
from serving.store import users

CORPUS = Path(data.__file__).parent / "corpus" / "complaints.jsonl"
PEOPLE: tuple[tuple[str, str, Role], ...] = (
    ("lijing", "李静（演示）", "reviewer"),
    ("wangtao", "王涛（演示）", "reviewer"),
    ("chenyu", "陈雨（演示）", "reviewer"),
    ("zhaomin", "赵敏（演示）", "lead"),
    ("admin", "管理员（演示）", "admin"),
    ("audit", "审计员（演示）", "auditor"),
)


def demo(
    texts: Annotated[Path, typer.Option(help="Labelled texts to play with.")] = CORPUS,
    most: Annotated[int, typer.Option(min=1, help="Most complaints.")] = 2_400,
    seed: Annotated[int, typer.Option(help="Another seed, another quarter.")] = 1,
) -> None:
    """Fill an empty store with a quarter of complaints, reviews and events that never happened.

    People are made for every role, with passwords of their own that are printed once.
    """
    settings = Settings()
    pipeline = Pipeline.open(settings)
    split = partition(load_labelled(texts, pipeline.taxonomy))
    # Texts the model has not learnt from: on its own it would look surer than it is.
    chosen = [*split["dev"], *split["test"]][:most]
    now = datetime.now(UTC)
    with store() as (engine, sessions), progress() as bar:
        task = bar.add_task("days")
        filled = fill(
            engine, pipeline, chosen, _reviewers(), settings, now, seed,
            on_day=lambda day, days: bar.update(task, completed=day, total=days),
        )  # fmt: skip
        passwords = {login: generated() for login, _, _ in PEOPLE}
        with sessions.begin() as session:
            for login, name, role in PEOPLE:
                person = users.Person(login, name, role)
                row = users.add(session, person, hashed(passwords[login]), actor(), now)
                users.row_of(session, row.id).must_change = False
    err.print(f"{filled.complaints} complaints, {filled.reviews} reviews, {filled.events} events")
    err.print("sign in at /ui with:")
    for login, name, role in PEOPLE:
        out.print(f"{login:<8} {passwords[login]}  {role:<8} {name}", highlight=False)


def _reviewers() -> list[Reviewer]:
    return [
        Reviewer(login, lead=role == "lead")
        for login, _, role in PEOPLE
        if role in ("reviewer", "lead")
    ]
