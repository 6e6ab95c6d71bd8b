"""Find complaints by our id or the sender's own, and those of the same customer or wording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from serving.review.signature import bands
from serving.review.similar import near_duplicates
from serving.store.rows.cases import CaseRow
from serving.store.sources import of_sender
from serving.store.tables import ComplaintRow

MOST = 50
"""Complaints given at most."""

_SINCE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Scope:
    """What of all complaints somebody may see: those of a branch, of a department; None is all."""

    branch: str | None = None
    department: str | None = None

    def holds(self, case: CaseRow) -> bool:
        """Whether the case is among them."""
        return self.branch in (None, case.branch) and self.department in (None, case.lead)


@dataclass(frozen=True, slots=True)
class Related:
    """Complaints of the same customer within a year, and some that say nearly the same."""

    customer: tuple[CaseRow, ...]
    words: tuple[CaseRow, ...]


def find(session: Session, asked: str, scope: Scope) -> list[CaseRow]:
    """Complaints of that id, ours or a sender's; the newest first, at most 50."""
    asked = asked.strip()
    if not asked or len(asked) > 128 or "\x00" in asked:
        return []
    by_id = select(ComplaintRow.id).where(ComplaintRow.id == asked.upper())
    ids = list(session.scalars(by_id)) or list(
        session.scalars(select(ComplaintRow.id).where(of_sender(asked)).limit(MOST))
    )
    return _cases(session, ids, scope)


def related(
    session: Session, complaint: ComplaintRow, field: str | None, scope: Scope, now: datetime
) -> Related:
    """`field` is where complaints' metadata name the customer; erased ones have none."""
    if complaint.erased_at is not None:
        return Related((), ())
    alike = near_duplicates(session, complaint.id, bands(complaint.text), most=MOST)
    same = _of_customer(session, complaint, field, now) if field else []
    return Related(
        tuple(_cases(session, same, scope)),
        tuple(_cases(session, alike, scope)),
    )


def customer_of(complaint: ComplaintRow, field: str | None) -> str | None:
    """What stands at `field` of the metadata, a dot leading inside; None for nothing."""
    found: Any = complaint.fields.get("metadata") or {}
    for step in field.split(".") if field else ():
        found = found.get(step) if isinstance(found, dict) else None
    return str(found) if isinstance(found, (str, int)) and str(found) else None


def _of_customer(session: Session, complaint: ComplaintRow, field: str, now: datetime) -> list[str]:
    value = customer_of(complaint, field)
    if value is None:
        return []
    path = ("metadata", *field.split("."))
    query = (
        select(ComplaintRow.id)
        .where(
            ComplaintRow.received_at >= now - _SINCE,
            cast(ComplaintRow.fields[path].as_string(), String) == value,
            ComplaintRow.id != complaint.id,
        )
        .limit(MOST)
    )
    return list(session.scalars(query))


def _cases(session: Session, ids: list[str], scope: Scope) -> list[CaseRow]:
    if not ids:
        return []
    query = (
        select(CaseRow).where(CaseRow.complaint_id.in_(ids)).order_by(CaseRow.received_at.desc())
    )
    return [case for case in session.scalars(query) if scope.holds(case)]
