"""The rows of a job's file: kept, decided, listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from sqlalchemy import Select, case, func, insert, select, update
from sqlalchemy.orm import Session

from data.errors import ConflictError
from serving.store import pipelining
from serving.store.entry import Entry
from serving.store.rows.jobs import JobItemRow
from serving.store.tables import DecisionRow

WAITING, DONE, FAILED = "waiting", "done", "failed"

# No HTTP header, and so no caller's Idempotency-Key, can hold these characters.
_KEY = "任务:"


@dataclass(frozen=True, slots=True)
class Item:
    """A row as it came in: what `request` holds is what POST /v1/classify would have been sent.

    `problem` says why it cannot be decided. `number` counts rows from 1, `line` lines of the file.
    """

    number: int
    line: int
    request: Mapping[str, Any] = field(default_factory=dict)
    given_id: str | None = None
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that is still to be decided."""

    id: str
    number: int
    request: dict[str, Any]

    @property
    def key(self) -> str:
        """Its idempotency key: whoever decides it, and how often, it is decided once."""
        return _KEY + self.id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row, where no new complaint was stored for it."""

    id: str
    state: str
    review: bool = False
    replayed: bool = False
    complaint_id: str | None = None
    model_version: str | None = None
    answer: bytes | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A decided or failed row, as it is given out; `body` is a decision, `problem` a problem."""

    number: int
    line: int
    given_id: str | None
    state: str
    replayed: bool
    body: bytes | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are of each kind; `review` and `replayed` are among `done`."""

    total: int = 0
    done: int = 0
    failed: int = 0
    review: int = 0
    replayed: int = 0

    @property
    def left(self) -> int:
        """Rows not decided yet."""
        return self.total - self.done - self.failed


def add(session: Session, job_id: str, items: Sequence[Item]) -> None:
    """Keep rows; those with a problem count as failed from the start."""
    session.execute(insert(JobItemRow), [_row(job_id, item) for item in items])


def _row(job_id: str, item: Item) -> dict[str, Any]:
    request = dict(item.request)
    return {
        "id": f"{job_id}-{item.number}",
        "job_id": job_id,
        "number": item.number,
        "line": item.line,
        "given_id": item.given_id,
        "text": request.pop("text", ""),
        "source": request.pop("source", None),
        "external_id": request.pop("external_id", None),
        "fields": request,
        "state": FAILED if item.problem else WAITING,
        "review": False,
        "replayed": False,
        "problem": orjson.dumps(item.problem).decode() if item.problem else None,
    }


def waiting(session: Session, job_id: str, after: int, limit: int) -> list[Waiting]:
    """The next rows to be decided behind number `after`."""
    query = (
        select(JobItemRow)
        .where(JobItemRow.job_id == job_id, JobItemRow.state == WAITING, JobItemRow.number > after)
        .order_by(JobItemRow.number)
        .limit(limit)
    )
    return [Waiting(row.id, row.number, _request(row)) for row in session.scalars(query)]


def _request(row: JobItemRow) -> dict[str, Any]:
    ids = {"source": row.source, "external_id": row.external_id}
    given = {name: value for name, value in ids.items() if value is not None}
    return {"text": row.text, **given, **row.fields}


def decided(session: Session, entries: Sequence[Entry]) -> None:
    """GroupHook: with a row's complaint and decision it is written that the row is done.

    Raises ConflictError, so that nothing is stored, where the row was erased, deleted or decided
    by another process meanwhile.
    """
    for entry in entries:
        if entry.key is None or not entry.key.startswith(_KEY) or entry.decision is None:
            continue
        # It refers to the complaint.
        pipelining.send(session)
        outcome = Outcome(
            entry.key.removeprefix(_KEY),
            DONE,
            review=bool(entry.decision["review"]["needed"]),
            complaint_id=entry.complaint_id,
            model_version=entry.versions["model"],
        )
        if not _write(session, outcome):
            raise ConflictError("this row of the job is gone or was decided meanwhile")


def mark(session: Session, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Write outcomes of rows that still wait; those that were written."""
    return [outcome for outcome in outcomes if _write(session, outcome)]


def _write(session: Session, outcome: Outcome) -> bool:
    values = asdict(outcome)
    written = session.execute(
        update(JobItemRow)
        .where(JobItemRow.id == values.pop("id"), JobItemRow.state == WAITING)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return bool(written.rowcount)  # type: ignore[attr-defined]


def again(session: Session, job_id: str) -> int:
    """Let failed rows that can be read be tried once more; how many."""
    written = session.execute(
        update(JobItemRow)
        .where(
            JobItemRow.job_id == job_id,
            JobItemRow.state == FAILED,
            JobItemRow.erased_at.is_(None),
            JobItemRow.text != "",
        )
        .values(state=WAITING, problem=None)
        .execution_options(synchronize_session=False)
    )
    return int(written.rowcount)  # type: ignore[attr-defined]


def tally(session: Session, job_id: str) -> Tally:
    """Count a job's rows, exactly."""

    def among(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    row = session.execute(
        select(
            func.count(),
            among(JobItemRow.state == DONE),
            among(JobItemRow.state == FAILED),
            among(JobItemRow.review.is_(True)),
            among(JobItemRow.replayed.is_(True)),
        ).where(JobItemRow.job_id == job_id)
    ).one()
    return Tally(*map(int, row))


def results(session: Session, job_id: str, after: int, limit: int) -> list[Result]:
    """Rows that are done or failed, behind number `after`, in the order of the file."""
    return _results(session, _given_out(job_id, after, limit))


def errors(session: Session, job_id: str, after: int, limit: int) -> list[Result]:
    """Rows that failed, behind number `after`."""
    return _results(session, _given_out(job_id, after, limit).where(JobItemRow.state == FAILED))


def _given_out(job_id: str, after: int, limit: int) -> Select[JobItemRow, bytes]:
    """The decision that the row led to is its complaint's first, which has the complaint's id."""
    return (
        select(JobItemRow, DecisionRow.body)
        .outerjoin(DecisionRow, DecisionRow.id == JobItemRow.complaint_id)
        .where(JobItemRow.job_id == job_id, JobItemRow.state != WAITING, JobItemRow.number > after)
        .order_by(JobItemRow.number)
        .limit(limit)
    )


def _results(session: Session, query: Select[JobItemRow, bytes]) -> list[Result]:
    return [
        Result(
            row.number, row.line, row.given_id, row.state, row.replayed, row.answer or body,
            row.problem,
        )
        for row, body in session.execute(query)
    ]  # fmt: skip
