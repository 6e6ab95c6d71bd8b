"""Everything a job needs, on any database, without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from serving.engine.engine import Engine, Limits
from serving.intake import Intake
from serving.jobs.load import Incoming, Loader
from serving.jobs.options import JobOptions
from serving.jobs.runner import Means, Runner
from serving.jobs.sealed import Sealed
from serving.jobs.shift import Pace
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store import job_items, jobs
from serving.store.commit import Committer
from serving.store.database import connect, migrate
from serving.store.rows.jobs import JobRow
from serving.store.store import Store

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
LEASE = timedelta(seconds=15)
WORDS = ("态度真好", "没人理我", "乱扣我钱", "办事很快", "排队太久")


@dataclass
class Clock:
    """A clock that is set by hand."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Plant:
    """A store, an engine and a loader; `runner` makes a process that works on jobs."""

    store: Store
    intake: Intake
    engine: Engine
    clock: Clock = field(default_factory=Clock)

    @property
    def sessions(self) -> sessionmaker[Session]:
        return self.store.session

    def loader(self, **limits: Any) -> Loader:
        given = {"max_bytes": 1 << 22, "max_rows": 10_000, "max_open": 10, **limits}
        return Loader(self.sessions, clock=self.clock, **given)

    def load(
        self, content: str, suffix: str = ".csv", *, key: str | None = None, **options: Any
    ) -> JobRow:
        """Read a file in."""
        file = sealed(content.encode())
        given = JobOptions(**options)
        incoming = Incoming(file, suffix, given.name or "投诉.csv", given, "key:a", key)
        return self.loader().load(incoming)[0]

    def runner(
        self,
        intake: Callable[[], Intake] | None = None,
        observe: Callable[[str, int], None] = lambda _outcome, _rows: None,
        lanes: int = 2,
    ) -> Runner:
        means = Means(
            self.engine,
            intake or (lambda: self.intake),
            self.sessions,
            Pace(lanes, 8, LEASE),
            max_chars=20_000,
            kept=timedelta(days=30),
            now=self.clock,
            observe=observe,
        )
        return Runner(means)

    def job(self, job_id: str) -> JobRow:
        with self.sessions() as session:
            return jobs.get(session, job_id)

    def results(self, job_id: str) -> list[job_items.Result]:
        with self.sessions() as session:
            return job_items.results(session, job_id, 0, 10_000)


@contextmanager
def planted(url: str, pipeline: Pipeline, text_key: str | None = None) -> Iterator[Plant]:
    """A plant that runs."""
    database = connect(url, Settings(text_key=text_key))  # type: ignore[arg-type]
    migrate(database)
    store = Store(database)
    store.attach(job_items.decided)
    committer = Committer(store.save_group)
    committer.start()
    engine = Engine(Limits(workers=2))
    engine.start()
    try:
        yield Plant(store, Intake(pipeline, store, committer), engine)
    finally:
        engine.close(30)
        committer.close(30)
        store.close()


def sealed(content: bytes, limit: int = 1 << 22) -> Sealed:
    """A complete file."""
    file = Sealed(limit)
    file.write(content)
    file.complete()
    return file


def table(rows: int, *, ids: bool = True) -> str:
    """A CSV file."""
    head = "external_id,source,text" if ids else "text"
    lines = [
        (f"{n},app," if ids else "") + f"{WORDS[n % len(WORDS)]}，第{n}件"
        for n in range(1, rows + 1)
    ]
    return "\n".join([head, *lines]) + "\n"
