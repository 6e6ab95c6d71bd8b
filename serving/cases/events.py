"""Record what happens to a case: checked against its state, told once, with what it does to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import update
from sqlalchemy.orm import Session
from ulid import ULID

from data.errors import ConflictError, InputError, NotFoundError
from serving.cases import clocks
from serving.cases.machine import Kind, machine
from serving.store import events
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow
from serving.triage.policy import Policy

OURSELVES = "suda"
BOUNCED = "bounced"
# Clocks of two systems differ by so much.
_SKEW = timedelta(minutes=5)

_Timing = Callable[[Session, CaseRow, Mapping[str, Any], datetime, Policy], dict[str, Any]]
_TIMING: Mapping[str, _Timing] = {
    "extended": clocks.extend,
    "paused": clocks.pause,
    "resumed": clocks.resume,
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a case.

    `kind` and the fields of `body` are those of machine.yaml; `at` unset is now. `department` is
    whose doing it was, `note` what was said in words. `source` is who tells, and `event_id` its own
    id of the event: the same one told again is recorded once.
    """

    complaint_id: str
    kind: str
    who: str
    at: datetime | None = None
    department: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    source: str = OURSELVES
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event as it stands; `replayed` where it was told before, `late` the clocks that were
    found to be breached by it.
    """

    event: CaseEventRow
    case: CaseRow
    replayed: bool
    late: tuple[ClockRow, ...] = ()


def record(session: Session, event: Event, now: datetime, policy: Policy | None = None) -> Recorded:
    """Add an event and bring case and clocks to where they stand after it, in the transaction.

    `policy` is the one that held when the complaint was received; kinds that touch clocks need it.
    Raises NotFoundError, InputError for a body or time that cannot be, WrongStateError where it
    cannot happen to the case as it stands, ConflictError where its id stood for something else.
    """
    kind = machine().kind(event.kind)
    body = machine().body(event.kind, event.body)
    case = locked(session, event.complaint_id)
    mark = fingerprint(event, body)
    before = events.told(session, event.source, event.event_id) if event.event_id else None
    if before is not None:
        if before.fingerprint != mark:
            raise ConflictError("was told before and said something else", field="event_id")
        return Recorded(before, case, replayed=True)
    at = _happened(event, case, kind, now)
    machine().check_status(event.kind, case.status)
    timing = _TIMING.get(event.kind)
    if timing is not None:
        body |= timing(session, case, body, at, _needed(policy, event.kind))
    late = _settled(session, case, kind, at, policy, event.kind)
    _move(session, case, event.kind, kind, body, at)
    case.updated_at = now
    row = CaseEventRow(**_columns(event, body, at, mark, now))
    session.add(row)
    session.flush()
    breaches(session, late, now)
    return Recorded(row, case, replayed=False, late=tuple(late))


def append(session: Session, told: Iterable[Event], now: datetime) -> None:
    """Add events that change nothing about their cases: deliveries and breaches."""
    events.add(
        session,
        [
            _columns(event, dict(event.body), event.at or now, fingerprint(event, event.body), now)
            for event in told
        ],
    )


def breaches(session: Session, rows: Iterable[ClockRow], now: datetime) -> None:
    """Add the event that a clock ran out, for each of `rows`."""
    append(
        session,
        [
            Event(
                row.complaint_id,
                "breached",
                OURSELVES,
                at=row.due_at,
                body={"clock": row.clock, "statutory": row.statutory},
                # Two that sweep at once must not both say so.
                event_id=f"{row.complaint_id}:{row.clock}:{row.due_at.timestamp():.0f}",
            )
            for row in rows
        ],
        now,
    )


def locked(session: Session, complaint_id: str) -> CaseRow:
    """The case, held until the transaction ends: events of one case come one after the other.

    Raises NotFoundError.
    """
    session.flush()
    # An update takes the lock on SQLite as well, before anything is read.
    found = session.execute(
        update(CaseRow)
        .where(CaseRow.complaint_id == complaint_id)
        .values(updated_at=CaseRow.updated_at)
        .execution_options(synchronize_session=False)
    )
    case = session.get(CaseRow, complaint_id, populate_existing=True)
    if not found.rowcount or case is None:  # type: ignore[attr-defined]
        raise NotFoundError("no such complaint", field="complaint_id")
    return case


def fingerprint(event: Event, body: Mapping[str, Any]) -> str:
    """What makes two tellings the same."""
    said = (
        event.complaint_id,
        event.kind,
        event.who,
        event.at.timestamp() if event.at else None,
        event.department,
        body,
        event.note,
    )
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _happened(event: Event, case: CaseRow, kind: Kind, now: datetime) -> datetime:
    at = event.at or now
    if at > now + _SKEW:
        raise InputError("expected a time that has passed", field="at")
    if not kind.internal and at < case.received_at - _SKEW:
        raise InputError("expected a time after the complaint was received", field="at")
    return at


def _settled(
    session: Session, case: CaseRow, kind: Kind, at: datetime, policy: Policy | None, name: str
) -> list[ClockRow]:
    if not kind.settles:
        return []
    return clocks.settle(session, case, kind.settles, at, _needed(policy, name))


def _needed(policy: Policy | None, name: str) -> Policy:
    if policy is None:
        raise TypeError(f"{name} changes clocks: it takes the policy that says which")
    return policy


def _move(
    session: Session, case: CaseRow, name: str, kind: Kind, body: Mapping[str, Any], at: datetime
) -> None:
    """Bring the case to where it stands after the event."""
    if kind.to is not None and kind.to != case.status:
        case.status = kind.to
        if kind.to == "accepted":
            case.accepted_at = at
        elif kind.to == "resolved":
            case.resolved_at = at
        elif kind.to == "withdrawn":
            clocks.void(session, case)
        else:
            case.accepted_at = None
    if name == "opinion":
        case.satisfaction = body["satisfaction"]
    if name == BOUNCED:
        case.bounces += 1
        case.review = "waiting"
        case.reasons = [*(code for code in case.reasons if code != BOUNCED), BOUNCED]


def _columns(
    event: Event, body: dict[str, Any], at: datetime, mark: str, now: datetime
) -> dict[str, Any]:
    return {
        "id": str(ULID()),
        "complaint_id": event.complaint_id,
        "kind": event.kind,
        "at": at,
        "recorded_at": now,
        "who": event.who,
        "department": event.department,
        "source": event.source,
        "event_id": event.event_id,
        "fingerprint": mark,
        "body": body,
        # PostgreSQL holds no NUL.
        "note": event.note.replace("\x00", "\ufffd") if event.note else None,
    }
