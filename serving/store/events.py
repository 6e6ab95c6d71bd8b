"""The events of cases: added, never changed, read in the order in which they happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from serving.store.rows.outbox import CaseEventRow


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add events, each given by its columns."""
    if rows:
        session.execute(insert(CaseEventRow), list(rows))


def told(session: Session, source: str, event_id: str) -> CaseEventRow | None:
    """The event that a source told under its own id."""
    return session.scalar(
        select(CaseEventRow).where(CaseEventRow.source == source, CaseEventRow.event_id == event_id)
    )


def of(session: Session, complaint_id: str) -> list[CaseEventRow]:
    """Everything that happened to a case, as it happened."""
    query = select(CaseEventRow).where(CaseEventRow.complaint_id == complaint_id)
    return list(session.scalars(query.order_by(CaseEventRow.at, CaseEventRow.id)))


def last(session: Session, complaint_id: str, kind: str) -> CaseEventRow | None:
    """The last event of a kind."""
    query = select(CaseEventRow).where(
        CaseEventRow.complaint_id == complaint_id, CaseEventRow.kind == kind
    )
    return session.scalar(query.order_by(CaseEventRow.at.desc(), CaseEventRow.id.desc()).limit(1))


def last_at(session: Session, complaint_id: str) -> datetime | None:
    """When something last happened to a case."""
    query = select(CaseEventRow.at).where(CaseEventRow.complaint_id == complaint_id)
    return session.scalar(query.order_by(CaseEventRow.at.desc()).limit(1))
