"""POST and GET /v1/complaints/{id}/events: what became of a complaint, in and out."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from data.exchange.values import aware
from serving.api.answers.base import answers
from serving.api.answers.cases import EventTold, Timeline
from serving.api.security import Requires
from serving.api.state import State, StateDep
from serving.cases import clocks
from serving.cases.desk import Desk, Taken
from serving.cases.events import Event
from serving.cases.machine import machine
from serving.cases.parties import check_reads, check_tells
from serving.intake import now
from serving.security.gate import Caller, ForbiddenError
from serving.store import cases, events
from serving.store.earlier import latest
from serving.store.faults import translated
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/complaints", tags=["cases"])

_KINDS = [name for name, kind in machine().kinds.items() if not kind.internal]
_Name = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=128, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
_Code = Annotated[_Name, StringConstraints(max_length=64)]
_Department = Annotated[_Name, StringConstraints(max_length=48)]
_Time = Annotated[datetime, AfterValidator(aware)]
EventCaller = Annotated[Caller, Depends(Requires("intake", "review", departments=True))]
TimelineCaller = Annotated[Caller, Depends(Requires("intake", "review", "audit", departments=True))]


class EventRequest(BaseModel):
    """Something that happened to a case. Which fields a kind takes is said in docs/events.md."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "event_id": "crm-20261122-0042-1",
                "kind": "bounced",
                "who": "staff-17",
                "reason": "not_ours",
                "labels": {"product": "B03026"},
                "note": "属信用卡业务",
            }
        },
    )

    event_id: _Name = Field(description="The sender's own id; the same one twice counts once.")
    kind: _Code = Field(description="What happened.", json_schema_extra={"enum": list(_KINDS)})
    who: _Name = Field(description="Who did it: a staff number or name, or a system.")
    department: _Department | None = Field(None, description="Whose doing it was: its code.")
    source: _Code | None = Field(
        None,
        description="The system that tells, for which event_id is unique; else the department.",
    )
    at: _Time | None = Field(
        None, description="When; unset is now, without offset it is Asia/Shanghai."
    )
    note: str | None = Field(None, max_length=4_000, description="What there is to say in words.")
    result: _Code | None = Field(None, description="办结: how it ended.")
    root_cause: _Code | None = Field(None, description="办结: 根因.")
    reason: _Code | None = Field(None, description="转办: why.")
    suggested: _Department | None = Field(None, description="转办: the department it belongs to.")
    labels: dict[str, str] | None = Field(None, description="转办: the right code, by head.")
    extension: _Code | None = Field(None, description="延期: clock of the extension.")
    clock: _Code | None = Field(None, description="延期: the clock that is extended.")
    approver: _Name | None = Field(None, description="延期: who approved.")
    told_at: _Time | None = Field(None, description="延期, 中止: when the customer was told.")
    why: _Code | None = Field(None, description="中止: appraisal or mediation.")
    clocks: list[_Code] | None = Field(None, description="中止, 恢复: which clocks; else all.")
    merged_into: _Code | None = Field(None, description="撤回: the complaint it was merged into.")
    satisfaction: _Code | None = Field(None, description="客户评价.")

    def event(self, complaint_id: str) -> Event:
        """As it is recorded."""
        # Some fields only Suda itself sets, like the case that this one was merged into.
        said = {name: getattr(self, name, None) for name in machine().fields}
        return Event(
            complaint_id,
            self.kind,
            self.who,
            at=self.at,
            department=self.department,
            body={name: value for name, value in said.items() if value is not None},
            note=self.note,
            source=self.source or self.department or "api",
            event_id=self.event_id,
        )


@router.post(
    "/{complaint_id}/events",
    summary="Say what happened to a complaint's case",
    status_code=201,
    responses=answers(EventTold, "The event, and where the case stands now", 201)
    | answers(EventTold, "The same was told before")
    | {409: {"description": "It cannot happen as the case stands, or the id stood for another"}},
)
async def post_event(
    complaint_id: str,
    request: EventRequest,
    response: Response,
    state: StateDep,
    caller: EventCaller,
) -> dict[str, Any]:
    """Answer with the event and where the case stands now; safe to send again.

    A department's key says what that department did, with a complaint that it handles.
    """
    event = _spoken(request, complaint_id, caller.department)
    taken = await state.run(lambda: _take(state, event, caller))
    if taken.recorded.replayed:
        response.status_code = 200
    tell(state, taken)
    return {
        "event": event_json(taken.recorded.event),
        "replayed": taken.recorded.replayed,
        "then": taken.then,
        "case": case_json(taken.recorded.case),
    }


@router.get(
    "/{complaint_id}/events",
    summary="A case, its clocks and all that happened to it",
    responses=answers(Timeline, "The case, its clocks and events"),
)
async def get_events(complaint_id: str, state: StateDep, caller: TimelineCaller) -> dict[str, Any]:
    """Events as they happened; clocks with their names and legal basis from the decision."""

    def read() -> dict[str, Any]:
        with state.intake.store.session() as session:
            if caller.department is not None:
                check_reads(session, complaint_id, caller.department)
            return timeline(session, complaint_id)

    return await state.run(read)


def timeline(session: Session, complaint_id: str) -> dict[str, Any]:
    """A case with clocks and events, as they are shown. Raises NotFoundError."""
    case = cases.find(session, complaint_id)
    named = {c["clock"]: c for c in orjson.loads(latest(session, complaint_id))["deadlines"]}
    return {
        "complaint_id": complaint_id,
        "case": case_json(case),
        "clocks": [_clock(row, named) for row in clocks.of(session, complaint_id)],
        "events": [event_json(row) for row in events.of(session, complaint_id)],
    }


def event_json(row: CaseEventRow) -> dict[str, Any]:
    """An event as the interface shows it."""
    return {
        "id": row.id,
        "kind": row.kind,
        "name": machine().kinds[row.kind].name,
        "at": row.at.isoformat(),
        "recorded_at": row.recorded_at.isoformat(),
        "who": row.who,
        "department": row.department,
        "source": row.source,
        "event_id": row.event_id,
        **row.body,
        "note": row.note,
    }


def case_json(row: CaseRow) -> dict[str, Any]:
    """Where a case stands."""
    times = ("accepted_at", "resolved_at", "updated_at")
    return {
        "status": row.status,
        "lead": row.lead,
        "review": row.review,
        "reasons": row.reasons,
        "bounces": row.bounces,
        "satisfaction": row.satisfaction,
        **{name: at.isoformat() if (at := getattr(row, name)) else None for name in times},
    }


def _clock(row: ClockRow, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    own = named.get(row.extended or row.clock, {})
    return {
        "clock": row.clock,
        "name": own.get("name"),
        "basis": own.get("basis"),
        "statutory": row.statutory,
        "extended": row.extended,
        "started_at": row.started_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "strict_due_at": row.strict_due_at.isoformat(),
        "state": row.state,
        "met_at": row.met_at.isoformat() if row.met_at else None,
        "breached_at": row.breached_at.isoformat() if row.breached_at else None,
    }


def _spoken(request: EventRequest, complaint_id: str, department: str | None) -> Event:
    """As it is recorded, said by who speaks for a department; None is nobody's in particular."""
    event = request.event(complaint_id)
    if department is None:
        return event
    # Ids are told apart by source: under another's name, an event would stand in the other's way.
    for field, said in (("department", request.department), ("source", request.source)):
        if said not in (None, department):
            raise ForbiddenError(f"this key speaks for {department} alone", field=field)
    return replace(event, department=department, source=department)


def _take(state: State, event: Event, caller: Caller) -> Taken:
    """In one transaction; once more where the same was told at this very moment."""
    desk, sessions = Desk.of(state.intake.pipeline), state.intake.store.session

    def take() -> Taken:
        with sessions.begin() as session:
            if caller.department is not None:
                check_tells(session, event, caller.department)
            return desk.take(session, event, caller.actor, now())

    try:
        try:
            return take()
        except IntegrityError:
            return take()
    except SQLAlchemyError as error:
        raise translated(error) from error


def tell(state: State, taken: Taken) -> None:
    """Figures and log lines, once it is durable."""
    for clock in taken.recorded.late:
        state.metrics.clock_breaches.labels(clock.clock).inc()
    if taken.then is not None:
        state.metrics.bounces.labels(taken.then).inc()
    if taken.then == "supervision":
        case = taken.recorded.case
        log.warning("complaint %s was bounced %d times", case.complaint_id, case.bounces)
