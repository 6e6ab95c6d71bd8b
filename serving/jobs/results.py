"""What a job came to, as a file and as figures."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from sqlalchemy.orm import Session, sessionmaker

from data.errors import InputError
from data.files import defuse, write_rows
from data.pii.mask import mask
from serving.bulk import columns, flatten
from serving.store import job_items
from serving.store.faults import answering
from serving.store.job_items import Result
from serving.store.privacy import wordless
from serving.store.rows.jobs import JobRow

Format = Literal["jsonl", "csv", "xlsx"]

MEDIA_TYPES: dict[Format, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PAGE = 500
_PIECE = 1 << 18
# What a sheet holds beside its line of headings.
_SHEET = 1_048_575


def entries(
    sessions: sessionmaker[Session], job_id: str, *, masked: bool = True
) -> Iterator[dict[str, Any]]:
    """Each decided or failed row in the file's order: its `decision`, or its `error`.

    Masked, decisions quote nothing and personal data in ids and errors are hidden.
    """
    last = 0
    while True:
        with answering(), sessions() as session:
            page = job_items.results(session, job_id, last, _PAGE)
        if not page:
            return
        yield from (entry(result, masked=masked) for result in page)
        last = page[-1].number


def entry(result: Result, *, masked: bool) -> dict[str, Any]:
    """One row as it is given out."""
    head: dict[str, Any] = {"row": result.number, "line": result.line}
    if result.given_id is not None:
        head["id"] = mask(result.given_id).text if masked else result.given_id
    if result.problem is not None:
        problem = orjson.loads(result.problem)
        return {**head, "problem": _masked(problem) if masked else problem}
    if result.body is None:
        return {**head, "problem": {"code": "erased", "detail": "the row was erased"}}
    decision = orjson.loads(result.body)
    found = {"replayed": result.replayed, "decision": wordless(decision) if masked else decision}
    return {**head, **found}


def _masked(value: Any) -> Any:
    """A problem may name a value that was not expected, and that may be anything."""
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return mask(value).text if isinstance(value, str) else value


def file_of(
    sessions: sessionmaker[Session],
    job: JobRow,
    kind: Format,
    *,
    masked: bool = True,
    spool: Path | None = None,
) -> Iterator[bytes]:
    """The result as a file, piece by piece. Raises InputError for a sheet that is too long."""
    if kind == "xlsx" and job.done + job.failed > _SHEET:
        raise InputError(f"a sheet has at most {_SHEET} rows; ask for csv or jsonl", field="format")
    found = entries(sessions, job.id, masked=masked)
    writers: dict[Format, Callable[[], Iterator[bytes]]] = {
        "jsonl": lambda: (orjson.dumps(one) + b"\n" for one in found),
        "csv": lambda: _csv(found, _heads(sessions, job.id)),
        "xlsx": lambda: _xlsx(found, _heads(sessions, job.id), spool),
    }
    return _gathered(writers[kind]())


def _heads(sessions: sessionmaker[Session], job_id: str) -> list[str]:
    """The heads of the first decision; all of a taxonomy's decisions have the same."""
    for one in entries(sessions, job_id):
        if "decision" in one:
            return list(one["decision"]["labels"])
    return []


def _flat(one: dict[str, Any]) -> dict[str, Any]:
    if "decision" in one:
        return flatten(one)
    return {"line": one["line"], "id": one.get("id"), "error": one["problem"]["detail"]}


def _csv(found: Iterator[dict[str, Any]], heads: list[str]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns(heads), extrasaction="ignore")
    # The byte order mark makes Excel open Chinese CSV files correctly.
    buffer.write("\ufeff")
    writer.writeheader()
    for one in found:
        writer.writerow({name: defuse(value) for name, value in _flat(one).items()})
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def _xlsx(found: Iterator[dict[str, Any]], heads: list[str], spool: Path | None) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(dir=spool) as folder:
        path = Path(folder) / "result.xlsx"
        write_rows(path, map(_flat, found), columns(heads))
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """In pieces worth sending."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= _PIECE:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def view(job: JobRow, now: datetime) -> dict[str, Any]:
    """A job as the interface shows it; `seconds_left` is known while it is worked on."""
    left = job.total - job.done - job.failed
    speed = job.speed if job.state == "running" else None
    return {
        "id": job.id,
        "name": mask(job.name).text,
        "created_by": job.actor,
        "state": job.state,
        "message": job.message,
        "saving": job.options.get("saving"),
        "sha256": job.digest,
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "review": job.review,
        "replayed": job.replayed,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "ended_at": job.ended_at.isoformat() if job.ended_at else None,
        "rows_per_second": round(speed if speed is not None else _mean(job, now), 2),
        "seconds_left": round(left / speed, 1) if speed else None,
        "rows_kept": job.purged_at is None,
    }


def _mean(job: JobRow, now: datetime) -> float:
    if job.started_at is None:
        return 0.0
    seconds = ((job.ended_at or now) - job.started_at).total_seconds()
    return (job.done + job.failed) / seconds if seconds > 0 else 0.0
