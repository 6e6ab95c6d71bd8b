"""Write the audit chain, in the transaction of what it tells of, and read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, bindparam, select, update
from sqlalchemy.orm import Session

from serving.security.audit import Anchor, Break, Link, Record, Verdict, chain
from serving.security.audit import verify as verify_links
from serving.store import pipelining
from serving.store.base import insert_into, table_of
from serving.store.tables import AuditHeadRow, AuditRow

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
_NAMES = tuple(field.name for field in fields(Link))
_PAGE = 5_000
_HEAD = table_of(AuditHeadRow)
_ADVANCE = (
    update(_HEAD)
    .where(_HEAD.c.id == 1)
    .values(seq=_HEAD.c.seq + bindparam("count"))
    .returning(_HEAD.c.seq, _HEAD.c.hash)
)
_SEAL = update(_HEAD).where(_HEAD.c.id == 1).values(hash=bindparam("sealed"))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries: after `after`, of one subject or action, each where given."""

    after: int = 0
    subject: str | None = None
    action: str | None = None


def append(session: Session, records: Sequence[Record], now: datetime) -> Anchor:
    """Add records to the chain within the session's transaction; the new head.

    Call it last before the commit: from here on every other writer waits for this transaction, so
    a group of decisions appends once for all of them. The update comes before the head is read
    because it is what takes the lock, on PostgreSQL (the row) and on SQLite (the file) alike.
    """
    anchor = append_later(session, records, now)
    pipelining.send(session)
    return anchor


def append_later(session: Session, records: Sequence[Record], now: datetime) -> Anchor:
    """The same; what is added is sent with what follows, see `pipelining.later`."""
    if not records:
        return head(session)
    session.flush()
    seq, before = pipelining.ask(session, _ADVANCE, {"count": len(records)})
    links = chain(records, Anchor(seq - len(records), before), now)
    pipelining.later(
        session,
        (insert_into(AuditRow), [{name: getattr(link, name) for name in _NAMES} for link in links]),
        (_SEAL, [{"sealed": links[-1].hash}]),
    )
    return Anchor(links[-1].seq, links[-1].hash)


def record(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
    *,
    now: datetime,
) -> Anchor:
    """Add one record within the session's transaction; see `append`."""
    return append(session, [Record(actor, action, subject, details or {})], now)


def head(session: Session) -> Anchor:
    """Where the chain ends."""
    found = session.execute(select(AuditHeadRow.seq, AuditHeadRow.hash)).one_or_none()
    return Anchor(found.seq, found.hash) if found else Anchor(0, "")


def entries(session: Session, wanted: Filter | None = None) -> Iterator[Link]:
    """Entries in their order, page by page: the chain may be longer than memory."""
    wanted = wanted or Filter()
    after = wanted.after
    while page := session.execute(_page(wanted, after)).all():
        yield from (Link(*row) for row in page)
        after = page[-1].seq


def page(session: Session, wanted: Filter, limit: int) -> list[Link]:
    """The first `limit` entries."""
    rows = session.execute(_page(wanted, wanted.after, limit))
    return [Link(*row) for row in rows]


def latest(session: Session, subject: str) -> Link | None:
    """The last entry on a subject."""
    query = select(*_COLUMNS).where(AuditRow.subject == subject)
    row = session.execute(query.order_by(AuditRow.seq.desc()).limit(1)).one_or_none()
    return Link(*row) if row else None


def _page(wanted: Filter, after: int, limit: int = _PAGE) -> Executable:
    query = select(*_COLUMNS).where(AuditRow.seq > after).order_by(AuditRow.seq).limit(limit)
    if wanted.subject:
        query = query.where(AuditRow.subject == wanted.subject)
    if wanted.action:
        query = query.where(AuditRow.action == wanted.action)
    return query


def verify(
    session: Session, anchors: Iterable[Anchor] = (), start: Anchor | None = None
) -> Verdict:
    """Check the stored chain, against its own head and against anchors kept elsewhere.

    The head is read before the entries: what is appended meanwhile is no break.
    """
    stored = head(session)
    links = entries(session, Filter(after=start.seq if start else 0))
    verdict = verify_links(links, [*anchors, stored], start)
    if stored.seq == 0 and verdict.head.seq:
        lost = Break(verdict.head.seq, "the chain's stored head is gone or empty")
        return Verdict(verdict.checked, verdict.head, (*verdict.breaks, lost))
    return verdict
