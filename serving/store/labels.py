"""The label records: added, never changed, and read in the order in which they came."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from data.pii.mask import mask
from data.snapshot.record import LabelRecord
from serving.store.tables import ComplaintRow, LabelRecordRow, LabelTextRow

# Ids must become visible in their order, or a reader that goes on from the last one misses some.
# Any number will do, as long as nothing else locks it.
_LOCK = 0x5355_4441_4C42


@dataclass(frozen=True, slots=True)
class Appended:
    """A record as it stands in the store; `replayed` where it was there already."""

    record: LabelRecord
    replayed: bool


def append(session: Session, records: Sequence[LabelRecord], now: datetime) -> list[Appended]:
    """Add records within the session's transaction, personal data in comments masked.

    A record that is there already (same text, head, code, person, role and time) is not added
    again. Raises NotFoundError for a subject that is neither a complaint nor a text.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    complaints = complaints_of(session, {record.subject for record in records})
    marks = [fingerprint(record) for record in records]
    rows = session.scalars(select(LabelRecordRow).where(LabelRecordRow.fingerprint.in_(marks)))
    standing = {row.fingerprint: row for row in rows}
    found = []
    for mark, record in zip(marks, records, strict=True):
        row, replayed = standing.get(mark), mark in standing
        if row is None:
            row = standing[mark] = _row(record, mark, record.subject in complaints, now)
            session.add(row)
        found.append((row, replayed))
    session.flush()
    return [Appended(_record(row), replayed) for row, replayed in found]


def complaints_of(session: Session, subjects: Collection[str]) -> set[str]:
    """Those of `subjects` that are complaints; the others are texts from elsewhere.

    Raises NotFoundError for one that is neither.
    """
    complaints = set(session.scalars(select(ComplaintRow.id).where(ComplaintRow.id.in_(subjects))))
    texts = set(session.scalars(select(LabelTextRow.id).where(LabelTextRow.id.in_(subjects))))
    if missing := set(subjects) - complaints - texts:
        raise NotFoundError(f"no complaint or text {min(missing)[:64]}", field="complaint_id")
    return complaints


def of(session: Session, subject: str) -> list[LabelRecord]:
    """All records about a complaint or text, in the order in which they came."""
    return [_record(row) for row in session.scalars(_about([subject]))]


def about(session: Session, subjects: Collection[str]) -> list[LabelRecord]:
    """All records about several complaints or texts."""
    return [_record(row) for row in session.scalars(_about(subjects))]


def since(
    session: Session,
    moment: datetime | None = None,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[LabelRecord]:
    """Records that came in at or after `moment` and after the record `after`, oldest first."""
    query = select(LabelRecordRow).where(LabelRecordRow.id > after).order_by(LabelRecordRow.id)
    if moment is not None:
        query = query.where(LabelRecordRow.recorded_at >= moment)
    return [_record(row) for row in session.scalars(query.limit(limit))]


def count(session: Session, moment: datetime | None = None) -> int:
    """How many records came in at or after `moment`."""
    query = select(func.count()).select_from(LabelRecordRow)
    if moment is not None:
        query = query.where(LabelRecordRow.recorded_at >= moment)
    return session.scalar(query) or 0


def subjects(session: Session, moment: datetime | None = None) -> list[str]:
    """Ids of the texts that got a record at or after `moment`, in order."""
    query = select(func.coalesce(LabelRecordRow.complaint_id, LabelRecordRow.text_id)).distinct()
    if moment is not None:
        query = query.where(LabelRecordRow.recorded_at >= moment)
    return sorted(session.scalars(query))


def fingerprint(record: LabelRecord) -> str:
    """What makes two records the same statement."""
    at = record.decided_at.timestamp()
    parts = (record.subject, record.head, record.code, record.who, record.role, repr(at))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _about(subjects: Collection[str]) -> Select[Any]:
    named = LabelRecordRow.complaint_id.in_(subjects) | LabelRecordRow.text_id.in_(subjects)
    return select(LabelRecordRow).where(named).order_by(LabelRecordRow.id)


def _row(record: LabelRecord, mark: str, complaint: bool, now: datetime) -> LabelRecordRow:
    return LabelRecordRow(
        complaint_id=record.subject if complaint else None,
        text_id=None if complaint else record.subject,
        head=record.head,
        code=record.code,
        role=record.role,
        who=record.who,
        # As it is read back: in UTC.
        decided_at=record.decided_at.astimezone(UTC),
        recorded_at=now,
        model_code=record.model_code,
        bundle=record.bundle,
        comment=_comment(record.comment),
        via=record.via,
        selection=record.selection,
        inclusion=record.inclusion,
        fingerprint=mark,
    )


def _comment(words: str | None) -> str | None:
    """Without personal data, and without NUL, which PostgreSQL does not hold."""
    return mask(words.replace("\x00", "\ufffd")).text if words else None


def _record(row: LabelRecordRow) -> LabelRecord:
    return LabelRecord(
        subject=row.complaint_id or row.text_id or "",
        head=row.head,
        code=row.code,
        who=row.who,
        decided_at=row.decided_at,
        role=row.role,  # type: ignore[arg-type]
        model_code=row.model_code,
        bundle=row.bundle,
        comment=row.comment,
        via=row.via,
        selection=row.selection,
        inclusion=row.inclusion,
        id=row.id,
    )
