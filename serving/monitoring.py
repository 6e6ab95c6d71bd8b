"""Read from the store what the monitor looks at."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from data.snapshot.record import TRAINABLE, LabelRecord, in_force
from serving.store import labels
from serving.store.tables import ComplaintRow, DecisionRow

if TYPE_CHECKING:
    from eval.monitor import Observed

# What serving.triage.review calls its random sample.
_AUDIT = "audit_sample"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Window:
    """Decisions of a time, and the texts of at most so many of them, drawn by a hash of the id."""

    observed: tuple[Observed, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Decided:
    id: str
    text: str
    body: bytes


def window(session: Session, since: datetime, until: datetime, most_texts: int) -> Window:
    """All complaints received from `since` up to `until`, erased ones left out."""
    rows = list(_decided(session, since, until))
    observed = [one for page in _pages(rows) for one in _observe(session, page)]
    drawn = sorted(rows, key=lambda row: hashlib.sha256(row.id.encode()).digest())[:most_texts]
    return Window(tuple(observed), tuple(row.text for row in drawn))


def sample(session: Session, since: datetime, until: datetime, most: int) -> list[str]:
    """At most so many of the texts received from `since` up to `until`, drawn by chance."""
    drawn = (
        select(ComplaintRow.id)
        .where(
            ComplaintRow.received_at >= since,
            ComplaintRow.received_at < until,
            ComplaintRow.erased_at.is_(None),
        )
        .order_by(func.random())
        .limit(most)
    )
    return list(session.scalars(select(ComplaintRow.text).where(ComplaintRow.id.in_(drawn))))


def new_labels(session: Session, since: datetime) -> int:
    """How many texts got a label since that a model may learn from."""
    records = labels.since(session, since)
    return len({record.subject for record in records if record.role in TRAINABLE})


def _decided(session: Session, since: datetime, until: datetime) -> Iterator[_Decided]:
    """Every complaint with the latest decision that a model made of it."""
    query = (
        select(ComplaintRow.id, ComplaintRow.text, DecisionRow.body)
        .join(DecisionRow, DecisionRow.complaint_id == ComplaintRow.id)
        .where(
            ComplaintRow.received_at >= since,
            ComplaintRow.received_at < until,
            ComplaintRow.erased_at.is_(None),
        )
        .order_by(ComplaintRow.id, DecisionRow.created_at)
    )
    latest = {
        row.id: _Decided(row.id, row.text, row.body)
        for row in session.execute(query)
        # What people made of it is its outcome, not its answer.
        if b'"reviewed":' not in row.body or "reviewed" not in orjson.loads(row.body)
    }
    yield from latest.values()


def _pages(rows: Sequence[_Decided]) -> Iterator[Sequence[_Decided]]:
    for start in range(0, len(rows), _PAGE):
        yield rows[start : start + _PAGE]


def _observe(session: Session, rows: Sequence[_Decided]) -> list[Observed]:
    records: dict[str, list[LabelRecord]] = defaultdict(list)
    for record in labels.about(session, [row.id for row in rows]):
        records[record.subject].append(record)
    return [observe(row.id, orjson.loads(row.body), records[row.id]) for row in rows]


def observe(
    complaint_id: str, decision: dict[str, Any], records: Sequence[LabelRecord]
) -> Observed:
    """One stored decision with what people made of it."""
    from eval.monitor import Observed

    answers = decision["labels"]
    reasons = decision["review"]["reasons"]
    holding = in_force(records, TRAINABLE)
    return Observed(
        id=complaint_id,
        answered={head: answer["code"] for head, answer in answers.items()},
        said={head: answer.get("model_code") or answer["code"] for head, answer in answers.items()},
        confidence={head: answer["confidence"] for head, answer in answers.items()},
        automatic=all(reason == _AUDIT for reason in reasons),
        audited=_AUDIT in reasons,
        outcome={head: record.code for head, record in holding.items()},
    )
