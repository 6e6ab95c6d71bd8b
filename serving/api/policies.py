"""GET|POST /v1/policies, …/{id}/replay, PUT /v1/policy: packs uploaded, tried, made to hold."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers.base import answers
from serving.api.answers.policies import PoliciesAnswer, ReplayAnswer, UploadedPack
from serving.api.security import AdminCaller
from serving.api.state import State, StateDep
from serving.intake import now
from serving.policies import active
from serving.policies.active import MOST_REPLAYED
from serving.policies.replay import Replay
from serving.store import policies
from serving.store.faults import answering
from serving.store.rows.policies import PolicyPackRow
from serving.triage.policy import PolicySet

router = APIRouter(prefix="/v1", tags=["policies"])
# A replay takes a processor for seconds: one at a time, complaints go before.
_REPLAYING = asyncio.Lock()
_OVERVIEW = answers(PoliciesAnswer, "Packs, and which one holds")

_PackId = Annotated[str, Path(max_length=26)]


class Pack(BaseModel):
    """A policy pack: its YAML files by name (`routing.yaml`, `rules.yaml` …)."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=64, description="Letters, digits, '.', '_' and '-'.")
    files: dict[str, str] = Field(max_length=64, description="Texts by file name.")
    note: str = Field("", max_length=2_000, description="What changed.")


class Activation(BaseModel):
    """Which pack is to hold."""

    model_config = ConfigDict(extra="forbid")

    pack_id: str | None = Field(
        max_length=26, description="An uploaded pack; null: what the service was started with."
    )
    why: str = Field(min_length=1, max_length=2_000, description="Kept in the audit trail.")


@router.get("/policies", summary="Policy packs, and which one holds", responses=_OVERVIEW)
async def list_policies(state: StateDep, _: AdminCaller) -> dict[str, Any]:
    """Uploaded packs and activations, newest first."""
    return await state.run(partial(_overview, state))


@router.post(
    "/policies",
    status_code=201,
    summary="Upload a policy pack",
    responses=answers(UploadedPack, "The pack, checked and kept", 201),
)
async def upload_policy(pack: Pack, state: StateDep, caller: AdminCaller) -> dict[str, Any]:
    """Check it against itself and the taxonomy, and keep it. It does not hold yet."""
    return await state.run(partial(_upload, state, pack, caller.actor))


@router.post(
    "/policies/{pack_id}/replay",
    summary="Try a pack on past complaints",
    responses=answers(ReplayAnswer, "What would differ"),
)
async def replay_policy(
    pack_id: _PackId,
    state: StateDep,
    _: AdminCaller,
    last: Annotated[int, Query(ge=1, le=MOST_REPLAYED)] = 200,
    show: Annotated[int, Query(ge=0, le=500)] = 50,
) -> dict[str, Any]:
    """Decide the last complaints by the pack and by what held; what would differ, and in what."""
    async with _REPLAYING:
        found = await state.run(partial(_tried, state, pack_id, last))
    return {**found.summary(), "complaints": shown(found, show)}


@router.put("/policy", summary="Make a pack hold", responses=_OVERVIEW)
async def activate_policy(
    activation: Activation, state: StateDep, caller: AdminCaller
) -> dict[str, Any]:
    """From the next complaint on; other processes follow within seconds."""
    await state.run(partial(_activate, state, activation, caller.actor))
    return await state.run(partial(_overview, state))


def shown(found: Replay, most: int) -> list[dict[str, Any]]:
    """The first complaints that differ, as JSON."""
    return [
        {
            "complaint_id": one.complaint_id,
            "changes": [
                {"field": c.field, "before": c.before, "after": c.after} for c in one.changes
            ],
        }
        for one in found.changed[:most]
    ]


def _overview(state: State) -> dict[str, Any]:
    with answering(), state.intake.store.session() as session:
        number, holding = policies.holding(session)
        return {
            "holding": holding.id if holding else None,
            "activation": number,
            "serving": state.intake.pipeline.policies.at(now()).stamp,
            "packs": [_pack(row) for row in policies.listed(session)],
            "activations": [
                {"pack_id": row.pack_id, "at": row.at, "who": row.who, "why": row.why}
                for row in policies.history(session)
            ],
        }


def _pack(row: PolicyPackRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "stamp": row.stamp,
        "files": sorted(row.files),
        "uploaded_at": row.uploaded_at,
        "uploaded_by": row.uploaded_by,
        "note": row.note,
    }


def _upload(state: State, pack: Pack, actor: str) -> dict[str, Any]:
    sent = [(name, text.encode()) for name, text in pack.files.items()]
    taxonomy = state.intake.pipeline.taxonomy
    with answering(), state.intake.store.session.begin() as session:
        row, found = active.upload(session, pack.name, sent, pack.note, taxonomy, actor, now())
        return {**_pack(row), "policies": _policies(found)}


def _policies(found: PolicySet) -> list[dict[str, Any]]:
    return [
        {"stamp": one.stamp, "effective": one.effective, "files": list(one.files)}
        for one in found.policies
    ]


def _tried(state: State, pack_id: str, last: int) -> Replay:
    pipeline = state.intake.pipeline
    with answering(), state.intake.store.session() as session:
        return active.tried(
            session, pack_id, last, pipeline.classifier, pipeline.taxonomy, pipeline.policies
        )


def _activate(state: State, activation: Activation, actor: str) -> None:
    make_hold(state, activation.pack_id, activation.why, {}, actor, now())


def make_hold(
    state: State,
    pack_id: str | None,
    why: str,
    replay: dict[str, Any],
    actor: str,
    when: datetime,
) -> None:
    """Record an activation and follow it here at once. Raises PolicyError for one that no longer
    fits the taxonomy, before anything is recorded.
    """
    with answering(), state.intake.store.session.begin() as session:
        if pack_id is not None:
            active.opened(policies.find(session, pack_id), state.intake.pipeline.taxonomy)
        policies.activate(session, pack_id, actor, why, replay, when)
    state.packs.follow()
