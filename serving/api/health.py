"""GET /livez, /readyz and /metrics: for machines that watch."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from data.errors import NotReadyError
from serving.api.answers.admin import Alive, Ready
from serving.api.answers.base import answers
from serving.api.security import Requires
from serving.api.state import StateDep

router = APIRouter(tags=["health"])

_TEXT = {"type": "string"}
# A database that does not answer within so many seconds is as good as gone.
_PING_SECONDS = 3.0


@router.get("/livez", summary="The process answers", responses=answers(Alive, "It does"))
async def livez() -> dict[str, str]:
    """Always 200 while the event loop turns."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Complaints can be taken in",
    responses=answers(Ready, "They can")
    | {503: {"description": "They cannot; `detail` says what is amiss"}},
)
async def readyz(state: StateDep) -> dict[str, str]:
    """200 while the model is loaded and warm, all threads show signs of life, the store answers
    and nobody told the service to stop; else 503, which says what is amiss.
    """
    if faults := state.faults():
        raise NotReadyError("; ".join(faults))
    ping = state.run(state.intake.store.ping)
    try:
        await asyncio.wait_for(ping, _PING_SECONDS)
    except TimeoutError as error:
        raise NotReadyError("the database does not answer") from error
    return {"status": "ready", "model": state.intake.pipeline.classifier.version}


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"description": "Figures", "content": {"text/plain": {"schema": _TEXT}}}},
    dependencies=[Depends(Requires("audit"))],
)
async def metrics(state: StateDep) -> Response:
    """All figures in Prometheus' text format."""
    text = await state.run(state.metrics.text)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
