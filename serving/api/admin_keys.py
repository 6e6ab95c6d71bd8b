"""Keys over HTTP, for holders of the scope `admin`: POST, GET, DELETE /v1/keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session, sessionmaker

from data.errors import NotReadyError
from data.pii.mask import mask
from serving.api.answers.admin import KeyMade, KeysAnswer
from serving.api.answers.base import answers
from serving.api.security import AdminCaller, GateDep
from serving.api.state import StateDep
from serving.intake import now
from serving.security.gate import Gate
from serving.security.keys import ApiKey, Minted, Scope
from serving.store import keys

router = APIRouter(prefix="/v1/keys", tags=["keys"])
_MADE = answers(KeyMade, "The new key", 201)

T = TypeVar("T")


class KeyRequest(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64, description="Whose or what the key is for.")
    scopes: list[Scope] = Field([], description="What it may do; none includes another.")
    department: str | None = Field(
        None,
        max_length=48,
        description="Instead of scopes: code of the department whose events alone it tells.",
    )
    expires_at: AwareDatetime | None = Field(None, description="When it ends; else in a year.")
    rate: int | None = Field(None, ge=1, le=1_000_000_000, description="Texts a minute.")


class RotateRequest(BaseModel):
    """How a key is replaced."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: float = Field(24 * 7, ge=0, le=24 * 90, description="How long both hold.")


class RevokeRequest(BaseModel):
    """Why a key ends."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(min_length=1, max_length=200)


async def get_sessions(request: Request) -> sessionmaker[Session]:
    """The store's sessions."""
    sessions: sessionmaker[Session] | None = getattr(request.app.state, "sessions", None)
    if sessions is None:
        raise NotReadyError("the service is starting")
    return sessions


SessionsDep = Annotated[sessionmaker[Session], Depends(get_sessions)]


async def in_session(sessions: sessionmaker[Session], work: Callable[[Session], T]) -> T:
    """Run blocking work in one transaction, off the event loop."""

    def run() -> T:
        with sessions.begin() as session:
            return work(session)

    return await asyncio.to_thread(run)


@router.post("", summary="Make a key", status_code=201, responses=_MADE)
async def create(
    request: KeyRequest, caller: AdminCaller, sessions: SessionsDep, gate: GateDep, state: StateDep
) -> dict[str, Any]:
    """Answer with the key itself; it is shown this once and stored as a hash only."""
    at = now()
    state.intake.pipeline.policies.at(at).router.check_known(request.department)
    wish = keys.Wish(
        request.name,
        frozenset(request.scopes),
        request.expires_at or at + keys.LIFETIME,
        request.rate,
        request.department,
    )
    minted = await in_session(sessions, lambda s: keys.create(s, wish, caller.actor, at))
    return await _made(minted, gate)


@router.get(
    "",
    summary="All keys, without their secrets",
    responses=answers(KeysAnswer, "Ids, names, scopes and times"),
)
async def listed(_: AdminCaller, sessions: SessionsDep) -> dict[str, Any]:
    """Ids, names, scopes, times; never the secret, which nobody has."""
    found = await in_session(sessions, keys.listed)
    return {"items": [_shown(key) for key in found]}


@router.post("/{key_id}/rotate", summary="Replace a key", status_code=201, responses=_MADE)
async def rotate(
    key_id: str, request: RotateRequest, caller: AdminCaller, sessions: SessionsDep, gate: GateDep
) -> dict[str, Any]:
    """Answer with the successor; the old key holds until the overlap is over."""
    overlap = timedelta(hours=request.overlap_hours)
    minted = await in_session(
        sessions, lambda s: keys.rotate(s, key_id, overlap, caller.actor, now())
    )
    return await _made(minted, gate)


@router.post("/{key_id}/revoke", summary="End a key", status_code=204)
async def revoke(
    key_id: str, request: RevokeRequest, caller: AdminCaller, sessions: SessionsDep, gate: GateDep
) -> None:
    """Here it ends at once, in other processes within seconds."""
    why = mask(request.why).text
    await in_session(sessions, lambda s: keys.revoke(s, key_id, why, caller.actor, now()))
    await asyncio.to_thread(gate.refresh)


async def _made(minted: Minted, gate: Gate) -> dict[str, Any]:
    await asyncio.to_thread(gate.refresh)
    return {"id": minted.id, "key": minted.token}


def _shown(key: ApiKey) -> dict[str, Any]:
    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "department": key.department,
        "created_by": key.created_by,
        "rate": key.rate,
        "replaces": key.replaces,
        **{name: at.isoformat() if (at := getattr(key, name)) else None for name in times},
    }
