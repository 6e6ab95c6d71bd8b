"""The outbox and how departments are told, for holders of the scope `admin`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy.orm import Session

from data.errors import InputError
from serving.api.admin_keys import in_session
from serving.api.answers.admin import (
    DepartmentAnswer,
    DepartmentChanged,
    MessageAnswer,
    MessagesPage,
    Replayed,
)
from serving.api.answers.base import answers
from serving.api.security import AdminCaller
from serving.api.state import State, StateDep
from serving.intake import now
from serving.outbox import departments
from serving.outbox.departments import Change
from serving.outbox.replay import replay_department, replay_one
from serving.store import outbox
from serving.store.outbox import DEAD, DELIVERED, PENDING
from serving.store.rows.outbox import OutboxRow
from serving.triage.policy import Policy

router = APIRouter(prefix="/v1", tags=["outbox"])

T = TypeVar("T")
_Id = Annotated[str | None, Query(max_length=26)]
_State = Annotated[str | None, Query(pattern=f"^({PENDING}|{DELIVERED}|{DEAD})$")]


class ReplayRequest(BaseModel):
    """Whose dead letters are sent once more."""

    model_config = ConfigDict(extra="forbid")

    department: str = Field(min_length=1, max_length=48)


class DepartmentRequest(BaseModel):
    """What is changed about how a department is told; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    webhook: str | None = Field(
        None, max_length=2048, description="http(s) URL; empty takes the policy's again."
    )
    secret: SecretStr | None = Field(
        None, description="Signs its work orders: 24 characters or more."
    )
    new_secret: bool = Field(False, description="Make a random secret and answer with it.")
    overlap_hours: float = Field(
        24 * 7, ge=0, le=24 * 90, description="How long the secret before signs as well."
    )
    enabled: bool | None = Field(None, description="Off: work orders wait.")
    concurrency: int | None = Field(None, ge=1, le=64, description="On their way at once.")


@router.get(
    "/outbox",
    summary="Work orders and what became of them, the latest first",
    responses=answers(MessagesPage, "A page of work orders"),
)
async def listed(
    _: AdminCaller,
    state: StateDep,
    before: _Id = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    department: Annotated[str | None, Query(max_length=48)] = None,
    complaint_id: _Id = None,
    state_: Annotated[_State, Query(alias="state")] = None,
) -> dict[str, Any]:
    """A page; `next` is the `before` of the one behind it, null at the end."""
    wanted = outbox.Filter(before, department, complaint_id, state_)
    found = await _in(state, lambda session: outbox.page(session, wanted, limit))
    following = found[-1].id if len(found) == limit else None
    return {"items": [message_json(row) for row in found], "next": following}


@router.post(
    "/outbox/{message_id}/replay",
    summary="Send a dead letter once more",
    responses=answers(MessageAnswer, "The work order, pending again"),
)
async def replay(message_id: str, caller: AdminCaller, state: StateDep) -> dict[str, Any]:
    """It keeps its id: a receiver that had it after all knows it again."""
    row = await _in(state, lambda s: replay_one(s, message_id, caller.actor, now()))
    return message_json(row)


@router.post(
    "/outbox/replay",
    summary="Send all dead letters of a department once more",
    responses=answers(Replayed, "How many there were"),
)
async def replay_all(
    request: ReplayRequest, caller: AdminCaller, state: StateDep
) -> dict[str, Any]:
    """Answer with how many there were."""
    department = request.department
    count = await _in(state, lambda s: replay_department(s, department, caller.actor, now()))
    return {"replayed": count}


@router.get(
    "/departments/{code}",
    summary="How a department is told",
    responses=answers(DepartmentAnswer, "Its settings, and what waits for it"),
)
async def get_department(code: str, _: AdminCaller, state: StateDep) -> dict[str, Any]:
    """Settings, without the secret, and what waits for it."""
    return await _in(state, lambda session: _department(session, state, code))


@router.put(
    "/departments/{code}",
    summary="Change how a department is told",
    responses=answers(DepartmentChanged, "Its settings after the change"),
)
async def put_department(
    code: str, request: DepartmentRequest, caller: AdminCaller, state: StateDep
) -> dict[str, Any]:
    """A secret that is made here is answered this once."""
    if request.secret is not None and request.new_secret:
        raise InputError("expected a secret or a new one, not both", field="new_secret")
    wanted = Change(
        webhook=request.webhook,
        secret=request.secret.get_secret_value() if request.secret else None,
        new_secret=request.new_secret,
        overlap=timedelta(hours=request.overlap_hours),
        enabled=request.enabled,
        concurrency=request.concurrency,
    )

    def change(session: Session) -> dict[str, Any]:
        private = state.settings.webhook_private
        made = departments.change(
            session, _policy(state), code, wanted, caller.actor, now(), private=private
        )
        return _department(session, state, code) | ({"secret": made} if made else {})

    changed = await _in(state, change)
    await state.run(state.directory.refresh)
    return changed


def message_json(row: OutboxRow) -> dict[str, Any]:
    """A message as it is shown; what it says is not kept."""
    names = ("id", "complaint_id", "decision_id", "department", "kind", "part", "state")
    waits = row.state == PENDING
    return {
        **{name: getattr(row, name) for name in (*names, "attempts", "status", "error")},
        "created_at": row.created_at.isoformat(),
        "next_at": row.next_at.isoformat() if waits else None,
        "done_at": row.done_at.isoformat() if row.done_at else None,
    }


def _department(session: Session, state: State, code: str) -> dict[str, Any]:
    shown = departments.shown(session, _policy(state), code, now())
    stands = outbox.standing(session, code)
    oldest = stands.oldest.isoformat() if stands.oldest else None
    return shown | {"pending": stands.pending, "oldest": oldest, "dead": stands.dead}


def _policy(state: State) -> Policy:
    return state.intake.pipeline.policies.at(now())


async def _in(state: State, work: Callable[[Session], T]) -> T:
    return await in_session(state.intake.store.session, work)
