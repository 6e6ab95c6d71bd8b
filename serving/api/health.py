"""GET /livez and /readyz."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from data.errors import NotReadyError
from serving.api.state import StateDep

router = APIRouter(tags=["health"])


@router.get("/livez", summary="The process answers")
async def livez() -> dict[str, str]:
    """Always 200 while the event loop turns."""
    return {"status": "alive"}


@router.get("/readyz", summary="Complaints can be taken in")
async def readyz(state: StateDep) -> dict[str, str]:
    """200 once the model is loaded and the store answers; else 503."""
    try:
        await state.run(state.intake.store.ping)
    except SQLAlchemyError as error:
        raise NotReadyError("the database does not answer") from error
    return {"status": "ready", "model": state.intake.pipeline.classifier.version}
