"""What the store must hold of what was acknowledged, as checks that read its tables.

Each check takes a session and the acknowledged requests, and lists what it finds amiss.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.rig.shots import Shot
from serving.outbox.orders import ORDER, recipients
from serving.store import audit
from serving.store.database import connect
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import DepartmentRow, OutboxRow
from serving.store.tables import AuditRow, ComplaintRow, DecisionRow

_SHOWN = 3


class Promise(NamedTuple):
    """An answer that a caller holds: the complaint's id and a hash of the answer's bytes."""

    complaint: str
    digest: str


# By external id.
Promises: TypeAlias = Mapping[str, Promise]
Check: TypeAlias = Callable[[Session, Promises], list[str]]


def promised(name: str, shots: Iterable[Shot]) -> dict[str, Promise]:
    """What was acknowledged by these shots of the load `name`."""
    return {
        f"{name}-{shot.number}": Promise(shot.complaint, shot.digest)
        for shot in shots
        if shot.accepted
    }


def digest_of(body: bytes) -> str:
    """The hash that a sender keeps of an answer."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def complaints_once(session: Session, promises: Promises) -> list[str]:
    """Every acknowledged complaint is there, once, under the id that was answered."""
    rows = session.execute(
        select(ComplaintRow.source, ComplaintRow.external_id, ComplaintRow.id)
    ).all()
    # A caller's own id is unique within its source: hostile callers use one under several.
    counted = Counter((source, external) for source, external, _ in rows)
    ids: dict[Any, str] = {external: complaint for _, external, complaint in rows}
    missing = [name for name in promises if name not in ids]
    other = [n for n, promise in promises.items() if ids.get(n, promise.complaint) != promise[0]]
    twice = [name for (_, name), count in counted.items() if name is not None and count > 1]
    return _said(missing=missing, under_another_id=other, twice=twice)


def decisions_as_answered(session: Session, promises: Promises) -> list[str]:
    """Every complaint has one first decision, and it is, byte for byte, what was answered."""
    rows = session.execute(select(DecisionRow.complaint_id, DecisionRow.body)).all()
    counted = Counter(complaint for complaint, _ in rows)
    kept = {complaint: digest_of(body) for complaint, body in rows}
    differs = [n for n, p in promises.items() if p.digest and kept.get(p.complaint) != p.digest]
    complaints = session.scalars(select(ComplaintRow.id)).all()
    return _said(
        answered_otherwise=differs,
        without=[one for one in complaints if one not in counted],
        twice=[one for one, count in counted.items() if count > 1],
    )


def audit_records(session: Session, _: Promises) -> list[str]:
    """Every decision has one audit record, with the hash of its bytes."""
    query = select(AuditRow.subject, AuditRow.details)
    records: dict[str, list[str]] = {}
    for subject, details in session.execute(query.where(AuditRow.action == "decision.recorded")):
        records.setdefault(subject.removeprefix("complaint:"), []).append(
            orjson.loads(details)["sha256"]
        )
    rows = session.execute(select(DecisionRow.complaint_id, DecisionRow.body)).all()
    wrong = [c for c, body in rows if records.get(c) != [hashlib.sha256(body).hexdigest()]]
    stray = sorted(records.keys() - {complaint for complaint, _ in rows})
    return _said(without_or_wrong=wrong, of_nothing=stray)


def audit_chain(session: Session, _: Promises) -> list[str]:
    """The chain has no break."""
    return [f"{found.seq}: {found.why}" for found in audit.verify(session).breaks]


def cases_once(session: Session, _: Promises) -> list[str]:
    """Every complaint stands somewhere, once, with a clock for each deadline that runs."""
    cases = Counter(session.scalars(select(CaseRow.complaint_id)))
    clocks = Counter(session.scalars(select(ClockRow.complaint_id)))
    wrong, short = [], []
    for complaint, body in session.execute(select(DecisionRow.complaint_id, DecisionRow.body)):
        running = [d for d in orjson.loads(body).get("deadlines", ()) if not d["extension"]]
        if cases[complaint] != 1:
            wrong.append(complaint)
        if clocks[complaint] != len(running):
            short.append(complaint)
    return _said(not_one_case=wrong, not_all_clocks=short)


def work_orders_once(session: Session, _: Promises) -> list[str]:
    """Each department with a webhook that a decision goes to has one work order for it."""
    told = set(session.scalars(select(DepartmentRow.id).where(DepartmentRow.webhook.is_not(None))))
    if not told:
        return []
    rows = session.execute(
        select(OutboxRow.complaint_id, OutboxRow.department).where(OutboxRow.kind == ORDER)
    )
    counted = Counter(map(tuple, rows.all()))
    without = [
        complaint
        for complaint, body in session.execute(select(DecisionRow.complaint_id, DecisionRow.body))
        for department in recipients(orjson.loads(body))
        if department in told and (complaint, department) not in counted
    ]
    twice = [complaint for (complaint, _), count in counted.items() if count > 1]
    return _said(twice=twice, without=without)


def database_whole(session: Session, _: Promises) -> list[str]:
    """SQLite finds its own file whole; PostgreSQL checks its pages as it reads them."""
    if session.get_bind().dialect.name != "sqlite":
        return []
    found = [row[0] for row in session.execute(text("PRAGMA integrity_check"))]
    orphans = session.execute(text("PRAGMA foreign_key_check")).all()
    return ([] if found == ["ok"] else found[:_SHOWN]) + [str(row) for row in orphans[:_SHOWN]]


CHECKS: tuple[Check, ...] = (
    complaints_once,
    decisions_as_answered,
    audit_records,
    audit_chain,
    cases_once,
    work_orders_once,
    database_whole,
)


def audit_store(url: str, promises: Promises) -> dict[str, list[str]]:
    """What each check finds amiss, by its name; an empty dict is a store that holds everything."""
    with _reading(url) as session:
        found = {check.__name__: check(session, promises) for check in CHECKS}
    return {name: faults for name, faults in found.items() if faults}


def kept(url: str) -> int:
    """Complaints in the store."""
    with _reading(url) as session:
        return session.scalar(select(func.count()).select_from(ComplaintRow)) or 0


def undelivered(url: str) -> int:
    """Work orders that wait."""
    with _reading(url) as session:
        query = select(func.count()).select_from(OutboxRow).where(OutboxRow.state == "pending")
        return session.scalar(query) or 0


def delivered(url: str) -> set[str]:
    """Ids of the work orders that count as delivered."""
    with _reading(url) as session:
        return set(session.scalars(select(OutboxRow.id).where(OutboxRow.state == "delivered")))


def due_now(url: str) -> None:
    """Let everything that waits for another attempt be tried at once."""
    with _reading(url) as session, session.begin():
        waiting = update(OutboxRow).where(OutboxRow.state == "pending", OutboxRow.lease.is_(None))
        session.execute(waiting.values(next_at=datetime.now(UTC)))


@contextmanager
def _reading(url: str) -> Iterator[Session]:
    engine = connect(url)
    try:
        with sessionmaker(engine)() as session:
            yield session
    finally:
        engine.dispose()


def _said(**lists: list[Any]) -> list[str]:
    return [
        f"{len(found)} {name.replace('_', ' ')}, e.g. {', '.join(map(str, found[:_SHOWN]))}"
        for name, found in lists.items()
        if found
    ]
