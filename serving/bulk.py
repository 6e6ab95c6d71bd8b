"""Decide the rows of a file, and carry on where an interrupted run stopped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from ulid import ULID

from data.errors import ConflictError, InputError
from data.files import BadRow, Row, check_suffix, read_rows, write_rows
from serving.api.problems import of_item
from serving.api.schemas import ClassifyRequest, to_complaint
from serving.pipeline import Pipeline

FIELDS = tuple(name for name in ClassifyRequest.model_fields if name != "metadata")
_SYNC_EVERY = 64


@dataclass
class Report:
    """What became of a file's rows: `bad` lists (line, message), `resumed` were done before."""

    done: int = 0
    resumed: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)


def classify_file(
    source: Path,
    target: Path,
    pipeline: Pipeline,
    *,
    now: Callable[[], datetime],
    max_chars: int,
    on_row: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Decide every row of `source` and write `target`; a bad row is reported, the rest goes on.

    Decisions are journalled beside the target as they are made; a second run with the same source
    and the same model, taxonomy and policy takes up the journal. Raises FileFormatError where a
    file cannot be read at all, ConflictError where a journal of another run is in the way.
    """
    check_suffix(target)
    rows = list(read_rows(source))
    journal = target.with_name(f".{target.name}.journal")
    done = _open_journal(journal, _identity(source, pipeline, now()))
    report = Report(resumed=len(done))
    seen: dict[tuple[str | None, str], int] = {}
    with journal.open("ab") as log:
        for number, row in enumerate(rows, 1):
            if row.line in done:
                entry = done[row.line]
            else:
                entry = _decide(row, pipeline, now(), max_chars)
                log.write(orjson.dumps(entry) + b"\n")
                if number % _SYNC_EVERY == 0:
                    log.flush()
                    os.fsync(log.fileno())
            _refuse_repeated(entry, seen)
            done[row.line] = entry
            on_row(number, len(rows))
    entries = [done[row.line] for row in rows]
    write_rows(
        target, _outputs(entries, target), columns(head.name for head in pipeline.taxonomy.heads)
    )
    journal.unlink()
    report.bad = [(e["line"], e["error"]) for e in entries if "error" in e]
    report.done = len(entries) - len(report.bad)
    return report


def _identity(source: Path, pipeline: Pipeline, when: datetime) -> dict[str, str]:
    return {
        "source": hashlib.sha256(source.read_bytes()).hexdigest(),
        "model": pipeline.classifier.version,
        "policy": pipeline.policies.at(when).stamp,
    }


def _open_journal(journal: Path, identity: dict[str, str]) -> dict[int, dict[str, Any]]:
    if not journal.exists():
        journal.write_bytes(orjson.dumps(identity) + b"\n")
        return {}
    lines = journal.read_bytes().split(b"\n")
    # The last piece is empty, or a line cut short by the interruption: cut it off the file too.
    whole = lines[:-1]
    if not whole or orjson.loads(whole[0]) != identity:
        raise ConflictError(
            "belongs to a run over another file, model or policy; delete it to start anew",
            field=str(journal),
        )
    journal.write_bytes(b"".join(line + b"\n" for line in whole))
    entries = [orjson.loads(line) for line in whole[1:]]
    return {entry["line"]: entry for entry in entries}


def _decide(
    row: Row | BadRow, pipeline: Pipeline, when: datetime, max_chars: int
) -> dict[str, Any]:
    if isinstance(row, BadRow):
        return {"line": row.line, "error": row.message}
    known = {name: row.values[name] for name in FIELDS if row.values.get(name) is not None}
    # A spreadsheet gives numbers for ids; anything but the text may be written as one.
    values = {k: v if k == "text" or isinstance(v, datetime) else str(v) for k, v in known.items()}
    try:
        request = ClassifyRequest.model_validate(values)
        complaint = to_complaint(request, pipeline.taxonomy, now=when, max_chars=max_chars)
        decision = pipeline.decide(complaint, str(ULID()))
    except ValidationError as error:
        return {"line": row.line, "error": of_item(error)["detail"]}
    except InputError as error:
        return {"line": row.line, "error": str(error)}
    identity = [complaint.source, complaint.external_id] if complaint.external_id else None
    entry = {"line": row.line, "identity": identity, "decision": decision}
    if isinstance(row.values.get("id"), (str, int)):
        entry["id"] = row.values["id"]
    return entry


def _refuse_repeated(entry: dict[str, Any], seen: dict[tuple[str | None, str], int]) -> None:
    if not entry.get("identity"):
        return
    source, external_id = entry["identity"]
    first = seen.setdefault((source, external_id), entry["line"])
    if first != entry["line"]:
        entry["error"] = f"external_id: stands on line {first} already"


def _outputs(entries: list[dict[str, Any]], target: Path) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if "error" in entry:
            yield {"line": entry["line"], "error": entry["error"]}
        elif target.suffix.lower() == ".jsonl":
            head: dict[str, Any] = {k: entry[k] for k in ("line", "id") if k in entry}
            yield {**head, **entry["decision"]}
        else:
            yield flatten(entry)


def flatten(entry: dict[str, Any]) -> dict[str, Any]:
    """A decision as one spreadsheet row."""
    decision = entry["decision"]
    row: dict[str, Any] = {"line": entry["line"], "id": entry.get("id")}
    row |= {k: decision[k] for k in ("complaint_id", "external_id", "received_at")}
    for head, label in decision["labels"].items():
        row[head] = label["code"]
        row[f"{head}_name"] = label["name"]
        row[f"{head}_confidence"] = label["confidence"]
    routing = decision["routing"]
    row["flags"] = "、".join(flag["name"] for flag in decision["flags"])
    row["lead"] = routing["lead"]["name"]
    row["assisting"] = "、".join(party["name"] for party in routing["assisting"])
    row["copies"] = "、".join(party["name"] for party in routing["copies"])
    row["deadlines"] = "; ".join(f"{d['name']} {d['due_at']}" for d in decision["deadlines"])
    row["review"] = decision["review"]["needed"]
    row["review_reasons"] = ", ".join(decision["review"]["reasons"])
    row["truncated"] = decision["truncated"]
    row["model"] = decision["versions"]["model"]
    return row


def columns(heads: Iterable[str]) -> list[str]:
    """The columns of a spreadsheet of decisions over these heads."""
    labels = [column for head in heads for column in (head, f"{head}_name", f"{head}_confidence")]
    return [
        *("line", "id", "complaint_id", "external_id", "received_at"),
        *labels,
        *("flags", "lead", "assisting", "copies", "deadlines"),
        *("review", "review_reasons", "truncated", "model", "error"),
    ]
