"""Server time and size of every page over a store of many complaints: p50, p95, bytes.

    python -m benchmarks.pages --database sqlite:////path/to/file --cases 200000 --times 40
    python -m benchmarks.pages --postgres /path/to/folder --cases 200000 --times 40

An empty database is filled with made-up cases, reviews, events and an audit trail first, and kept.
Pages are asked in turn, about another complaint each time, so that none lives on another's cache
alone. With `--changing` a complaint comes in before each page. Stylesheets and scripts
are immutable: a second visit to a page transfers what the page itself is.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track
from rich.table import Table
from sqlalchemy import Engine

from benchmarks.rig.filled import filled, kept_postgres
from benchmarks.rig.tour import ACTIONS, Tour, contents
from benchmarks.rig.workbench import NotThereError, Visited, Workbench
from serving.api.app import create_app
from serving.boards.errors import SOON
from serving.cli.console import out
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store.database import connect, migrate

LIMIT_MS, LIMIT_BYTES = 50.0, 300_000


def main(
    database: Annotated[str, typer.Option(help="SQLAlchemy URL; filled where it is empty.")] = "",
    postgres: Annotated[Path | None, typer.Option(help="Or a PostgreSQL, in this folder.")] = None,
    cases: Annotated[int, typer.Option(help="How many cases to fill in.")] = 200_000,
    times: Annotated[int, typer.Option(help="How often each page is asked.")] = 40,
    changing: Annotated[bool, typer.Option(help="A complaint comes in before each page.")] = False,
    only: Annotated[str, typer.Option(help="Only what has this in its path.")] = "",
) -> None:
    """Measure, and print a table."""
    url = kept_postgres(postgres) if postgres else database
    settings = Settings(database_url=url)
    pipeline = Pipeline.open(settings)
    engine = connect(url)
    migrate(engine)
    filled(engine, cases, datetime.now(UTC), pipeline)
    out.print(contents(engine))
    visits: dict[str, list[Visited]] = defaultdict(list)
    begun = time.perf_counter()
    with Workbench(create_app(settings, pipeline)) as bench:
        started = time.perf_counter() - begun
        first = bench.get("/ui/boards").seconds
        out.print(f"started in {started:.1f} s; first answer, straight after: {first:.2f} s")
        for path in ("/ui/boards", "/ui/boards/model"):
            out.print(f"{path} with its figures after {_gathered(bench, path, begun):.1f} s")
        tour = Tour(bench, engine, pipeline, random.Random(7))  # noqa: S311
        for turn in track(range(times + 1), "pages"):
            for name, visit in (*tour.pages(), *tour.actions()):
                wanted = only in name or name == ACTIONS[0]
                if wanted and (visited := _one(name, visit, tour, changing)) and turn:
                    visits[name].append(visited)
    _print(visits, engine)
    engine.dispose()


def _gathered(bench: Workbench, path: str, begun: float) -> float:
    """Seconds from `begun` on until a board shows figures; a browser asks as often."""
    while "refresh" in bench.get(path).answer.headers:
        time.sleep(SOON)
    return time.perf_counter() - begun


def _one(name: str, visit: Callable[[], Visited], tour: Tour, changing: bool) -> Visited | None:
    if changing and name.startswith("/ui"):
        tour.change()
    try:
        return visit()
    except NotThereError:
        return None


def _print(visits: dict[str, list[Visited]], engine: Engine) -> None:
    shown = Table(
        "page", "p50 ms", "p95 ms", "max ms", "p50 CPU ms", "kB", title=engine.dialect.name
    )
    for name, found in visits.items():
        middle, high = np.percentile([visit.seconds for visit in found], [50, 95]) * 1000
        largest = max(visit.size for visit in found)
        # A file may take its time.
        late = "download" not in name and (high > LIMIT_MS or largest > LIMIT_BYTES)
        shown.add_row(
            f"[bold]{name} ✗[/]" if late else name,
            f"{middle:.1f}",
            f"{high:.1f}",
            f"{max(visit.seconds for visit in found) * 1000:.1f}",
            f"{np.median([visit.processor for visit in found]) * 1000:.1f}",
            f"{largest / 1000:.0f}",
        )
    out.print(shown)


if __name__ == "__main__":
    typer.run(main)
