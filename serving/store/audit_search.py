"""Look through the audit trail from its end, by actor, action, subject and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, sessionmaker

from serving.security.audit import Link
from serving.store import audit
from serving.store.tables import AuditRow

_COLUMNS = (
    AuditRow.seq,
    AuditRow.at,
    AuditRow.actor,
    AuditRow.action,
    AuditRow.subject,
    AuditRow.details,
    AuditRow.previous,
    AuditRow.hash,
)
_PAGE = 1_000
_Query = Select[int, str, str, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries, each where given: before number `before`, from `since` up to `until`.

    An `actor` or `subject` without a colon stands for all of that kind (`user`, `complaint`), an
    `action` without a dot for all of its group (`key`).
    """

    before: int | None = None
    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(session: Session, wanted: Wanted, limit: int) -> list[Link]:
    """The last `limit` entries that are meant, the latest first."""
    query: _Query = select(*_COLUMNS).order_by(AuditRow.seq.desc()).limit(limit)
    for column, value, joint in (
        (AuditRow.actor, wanted.actor, ":"),
        (AuditRow.action, wanted.action, "."),
        (AuditRow.subject, wanted.subject, ":"),
    ):
        if value:
            whole = column.startswith(value + joint, autoescape=True) | (column == value)
            query = query.where(column == value if joint in value else whole)
    if wanted.before is not None:
        query = query.where(AuditRow.seq < wanted.before)
    if wanted.since is not None:
        query = query.where(AuditRow.seq >= _first_at(session, wanted.since))
    if wanted.until is not None:
        query = query.where(AuditRow.seq < _first_at(session, wanted.until))
    return [Link(*row) for row in session.execute(query)]


def all_of(sessions: sessionmaker[Session], wanted: Wanted, most: int) -> Iterator[Link]:
    """Up to `most` entries, the latest first, read page by page."""
    left = most
    while left:
        with sessions() as session:
            page = search(session, wanted, min(_PAGE, left))
        yield from page
        left -= len(page)
        if len(page) < _PAGE:
            return
        wanted = replace(wanted, before=page[-1].seq)


def _first_at(session: Session, when: datetime) -> int:
    """The number of the first entry at `when` or after; times grow with numbers, so halving does.

    The column has no index, and needs none.
    """
    text = when.astimezone(UTC).isoformat(timespec="microseconds")
    low, high = 1, audit.head(session).seq + 1
    while low < high:
        middle = (low + high) // 2
        at = session.scalar(select(AuditRow.at).where(AuditRow.seq == middle))
        if at is not None and at < text:
            low = middle + 1
        else:
            high = middle
    return low
