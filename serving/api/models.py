"""Models over HTTP, for holders of the scope `admin`; who may read the audit trail may look."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from data.errors import ConflictError
from data.pii.mask import mask
from serving.api.answers.base import answers
from serving.api.answers.models import ModelsAnswer, ShadowAnswer
from serving.api.security import AdminCaller, Requires
from serving.api.state import StateDep
from serving.models import orders
from serving.models.canary import MOST
from serving.models.orders import Order
from serving.models.report import agreement, disagreement, overview
from serving.security.gate import Caller
from serving.store import shadow as shadow_store

router = APIRouter(prefix="/v1/models", tags=["models"])

_Why = Annotated[
    str, Field(min_length=1, max_length=200, description="For the promotion log and the audit.")
]
_Force = Annotated[
    bool, Field(description="Against the suite's word, or without it; it is logged.")
]
_Version = Annotated[str, Path(min_length=1, max_length=128)]
_Name = Annotated[str | None, Query(max_length=128)]
_LOOKS = [Depends(Requires("admin", "audit"))]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such version in the registry"},
    409: {
        "description": "Refused by the suite, not let in by its own test, or fixed at the start; "
        "what served before goes on"
    },
}
_MODELS = answers(ModelsAnswer, "Models as they are now")
_CHANGED = _MODELS | _REFUSALS


class Change(BaseModel):
    """Why a model is changed."""

    model_config = ConfigDict(extra="forbid")

    why: _Why


class ActivationWish(Change):
    """A version is to serve."""

    force: _Force = False


class ShadowWish(Change):
    """A version is to answer unheard."""

    version: str | None = Field(max_length=128, description="null ends it.")
    why: _Why = "to see how it does"


class CanaryWish(Change):
    """A version is to answer a share of all complaints."""

    version: str = Field(min_length=1, max_length=128)
    share: float = Field(gt=0, le=MOST, description="Share of complaints, chosen by their hash.")
    force: _Force = False


@router.get(
    "",
    summary="What serves, what could, and how that came about",
    dependencies=_LOOKS,
    responses=_MODELS,
)
async def models(state: StateDep) -> dict[str, Any]:
    """The model that serves, canary and shadow with their figures, all registered versions with
    what the suite said of them, the last of the promotion log, and what was not let in last.
    """
    return await asyncio.to_thread(overview, state.models)


@router.post("/rollback", summary="Let the champion before this one serve", responses=_CHANGED)
async def rollback(request: Change, state: StateDep, caller: AdminCaller) -> dict[str, Any]:
    """One call: loaded, tested, put in place; repeated, it goes back to the one before that."""
    order = _order(caller, request.why)
    await asyncio.to_thread(orders.rollback, state.models, order)
    return await models(state)


@router.get(
    "/shadow",
    summary="How the shadow does beside what was heard",
    dependencies=_LOOKS,
    responses=answers(ShadowAnswer, "Agreement, and a page of complaints on which they differ"),
)
async def get_shadow(
    state: StateDep,
    version: _Name = None,
    champion: _Name = None,
    field: _Name = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Agreement by field with 95 % intervals, and the complaints on which they differ, by id.

    `version` is another than the present shadow, `next` the `after` of the next page.
    """
    present = state.models.lineup.shadow
    name = version or (present.version if present else None)
    if name is None:
        raise ConflictError("there is no shadow; name the version", field="version")
    wanted = shadow_store.Wanted(name, champion, field, after)

    def read() -> tuple[list[shadow_store.Count], list[tuple[int, shadow_store.Result]]]:
        with state.intake.store.session() as session:
            found = shadow_store.counts(session, name)
            return found, shadow_store.page(session, wanted, limit)

    counts, page = await state.run(read)
    return {
        "version": name,
        "agreement": agreement(c for c in counts if champion in (None, c.champion)),
        "items": [disagreement(number, result) for number, result in page],
        "next": page[-1][0] if len(page) == limit else None,
    }


@router.put("/shadow", summary="Let a version answer unheard", responses=_CHANGED)
async def put_shadow(request: ShadowWish, state: StateDep, caller: AdminCaller) -> dict[str, Any]:
    """It decides what was answered once more, in spare capacity; null ends that."""
    order = _order(caller, request.why)
    await asyncio.to_thread(orders.shadow, state.models, request.version, order)
    return await models(state)


@router.put("/canary", summary="Let a version answer a share", responses=_CHANGED)
async def put_canary(request: CanaryWish, state: StateDep, caller: AdminCaller) -> dict[str, Any]:
    """The same complaint always goes to the same side. Decisions name the version that made them.

    It ends with `DELETE`, with another champion, and by itself where it does clearly worse.
    """
    order = _order(caller, request.why, force=request.force)
    await asyncio.to_thread(orders.canary, state.models, request.version, request.share, order)
    return await models(state)


@router.delete("/canary", summary="Let the champion answer everything", responses=_CHANGED)
async def delete_canary(
    state: StateDep,
    caller: AdminCaller,
    why: Annotated[str, Query(min_length=1, max_length=200)] = "it has been seen enough",
) -> dict[str, Any]:
    """Nothing where there is no canary."""
    await asyncio.to_thread(orders.end_canary, state.models, _order(caller, why))
    return await models(state)


@router.post("/{version}/activate", summary="Let a version serve", responses=_CHANGED)
async def activate(
    version: _Version, request: ActivationWish, state: StateDep, caller: AdminCaller
) -> dict[str, Any]:
    """Loaded, verified, tested on golden texts and warm before it answers the first complaint.

    Refused where the suite has not passed exactly this bundle against the present champion, unless
    `force`. No request is dropped, and none is answered by two models.
    """
    order = _order(caller, request.why, force=request.force)
    await asyncio.to_thread(orders.activate, state.models, version, order)
    return await models(state)


def _order(caller: Caller, why: str, *, force: bool = False) -> Order:
    """People write reasons: what they should not have written is masked."""
    return Order(caller.actor, mask(why).text, force)
