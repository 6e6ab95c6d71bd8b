"""What events do to a case's clocks: meet them, extend them, let them stand still, end them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from data.errors import InputError, WrongStateError
from serving.store import events
from serving.store.cases import BREACHED, MET, PAUSED, RUNNING, VOID
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.tables import DecisionRow
from serving.triage.policy import Policy
from serving.triage.schema import Clock, Step


def of(session: Session, complaint_id: str) -> list[ClockRow]:
    """All clocks of a case, the one that is due first before the others."""
    query = select(ClockRow).where(ClockRow.complaint_id == complaint_id)
    return list(session.scalars(query.order_by(ClockRow.due_at, ClockRow.clock)))


def settle(
    session: Session, case: CaseRow, steps: Collection[Step], at: datetime, policy: Policy
) -> list[ClockRow]:
    """Meet the clocks of these steps at `at`; returns those that turn out to be breached by it.

    What counts is when it was done, not when it was told: a clock that was taken for breached
    meanwhile is met after all. A clock that stands still cannot have run out.
    """
    known = _by_id(policy)
    late = []
    for row in _held(session, case):
        step = known[row.clock].met_by if row.clock in known else "resolved"
        if step not in steps or row.met_at is not None or row.state == VOID:
            continue
        row.met_at = at
        if row.state == PAUSED or at <= row.due_at:
            row.state, row.breached_at = MET, None
            continue
        if row.state != BREACHED:
            late.append(row)
        row.state, row.breached_at = BREACHED, row.breached_at or row.due_at
    return late


def void(session: Session, case: CaseRow) -> None:
    """The complaint was withdrawn: no clock runs any longer (令2020-3 Art. 18)."""
    for row in _held(session, case):
        if row.state in (RUNNING, PAUSED):
            row.state = VOID


def extend(
    session: Session, case: CaseRow, said: Mapping[str, Any], at: datetime, policy: Policy
) -> dict[str, Any]:
    """Let a clock run to the limit of an extension (延期) of the decision; what is added to `said`.

    Raises InputError for what is no extension, WrongStateError where the clock had run out.
    """
    limits = _limits(session, case)
    extension = limits.get(said["extension"])
    if extension is None or not extension["extension"]:
        known = sorted(clock for clock, limit in limits.items() if limit["extension"])
        raise InputError(f"expected an extension among {known}", field="extension")
    row = _extended(session, case, said, policy)
    if row.state not in (RUNNING, PAUSED, BREACHED) or row.met_at or at > row.due_at:
        raise WrongStateError(f"{row.clock} ran out or was met before", field="extension")
    before = limits.get(row.extended or row.clock, extension)
    # What it gained by standing still it keeps.
    due, strict = (
        getattr(row, name) + (_time(extension[name]) - _time(before[name]))
        for name in ("due_at", "strict_due_at")
    )
    if due <= row.due_at:
        raise WrongStateError(f"{row.clock} runs as long already", field="extension")
    row.due_at, row.strict_due_at, row.extended = due, strict, said["extension"]
    if row.state == BREACHED:
        row.state, row.breached_at = RUNNING, None
    return {"clock": row.clock, "due_at": due.isoformat()}


def pause(
    session: Session, case: CaseRow, said: Mapping[str, Any], at: datetime, policy: Policy
) -> dict[str, Any]:
    """Let clocks stand still: an appraisal (令2020-3 Art. 18) or a mediation (Art. 23)."""
    pausable = {clock.id for clock in _by_id(policy).values() if clock.pausable}
    chosen = _chosen(_held(session, case), said, pausable)
    chosen = [row for row in chosen if row.state == RUNNING and at <= row.due_at]
    if not chosen:
        raise WrongStateError("no clock runs that can stand still", field="kind")
    for row in chosen:
        row.state = PAUSED
    return {"clocks": [row.clock for row in chosen]}


def resume(
    session: Session, case: CaseRow, said: Mapping[str, Any], at: datetime, policy: Policy
) -> dict[str, Any]:
    """Let clocks go on, later by the whole days for which they stood still."""
    paused = [row for row in _held(session, case) if row.state == PAUSED]
    chosen = _chosen(paused, said, {row.clock for row in paused})
    since = events.last(session, case.complaint_id, "paused")
    if not chosen or since is None:
        raise WrongStateError("no clock stands still", field="kind")
    if at < since.at:
        raise InputError("expected a time after the clocks stood still", field="at")
    zone = policy.clocks.zone
    days = timedelta(days=(at.astimezone(zone).date() - since.at.astimezone(zone).date()).days)
    for row in chosen:
        row.state = RUNNING
        row.due_at, row.strict_due_at = row.due_at + days, row.strict_due_at + days
    return {"clocks": [row.clock for row in chosen], "days": days.days}


def _held(session: Session, case: CaseRow) -> list[ClockRow]:
    """The case's clocks as they stand now, held in the order in which the sweep takes them."""
    query = select(ClockRow).where(ClockRow.complaint_id == case.complaint_id)
    query = query.order_by(ClockRow.clock).with_for_update()
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _by_id(policy: Policy) -> dict[str, Clock]:
    return {clock.id: clock for clock in policy.pack.deadlines.clocks}


def _limits(session: Session, case: CaseRow) -> dict[str, Mapping[str, Any]]:
    """The clocks of the decision that holds, extensions among them."""
    decision = session.get(DecisionRow, case.decision_id)
    deadlines = orjson.loads(decision.body)["deadlines"] if decision is not None else []
    return {limit["clock"]: limit for limit in deadlines}


def _extended(session: Session, case: CaseRow, said: Mapping[str, Any], policy: Policy) -> ClockRow:
    stated = _by_id(policy).get(said["extension"])
    clock = said.get("clock") or (stated.extends if stated is not None else None)
    if stated is not None and stated.extends not in (None, clock):
        raise InputError(f"expected {stated.extends}, which it extends", field="clock")
    standing = {row.clock: row for row in _held(session, case)}
    if clock not in standing:
        raise InputError(
            f"expected the clock that it extends, among {sorted(standing)}", field="clock"
        )
    return standing[clock]


def _chosen(
    rows: Sequence[ClockRow], said: Mapping[str, Any], allowed: Collection[str]
) -> list[ClockRow]:
    named = said.get("clocks")
    if named is not None and (unknown := set(named) - set(allowed)):
        raise InputError(
            f"expected clocks among {sorted(allowed)}, got {min(unknown)}", field="clocks"
        )
    return [row for row in rows if row.clock in (allowed if named is None else named)]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
