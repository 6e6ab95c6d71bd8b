"""POST /v1/classify, POST /v1/classify/batch, GET /v1/complaints/{id}."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import ValidationError

from data.errors import InputError, SudaError
from serving.api.problems import of_error, of_item
from serving.api.schemas import BatchRequest, ClassifyRequest, to_complaint
from serving.api.state import State, StateDep
from serving.intake import loads, now
from serving.store.store import Saved

router = APIRouter(prefix="/v1", tags=["complaints"])

JSON = "application/json"
REPLAYED = "Idempotency-Replayed"
_Key = Annotated[str | None, Header(min_length=1, max_length=200)]


@router.post("/classify", summary="Decide one complaint")
async def classify(
    request: ClassifyRequest, state: StateDep, idempotency_key: _Key = None
) -> Response:
    """Answer with the complete decision, once it is durably stored.

    Sending the same `Idempotency-Key`, or the same `source` and `external_id`, again returns the
    first answer with the header `Idempotency-Replayed: true`; with another body it is a 409.
    """
    saved = await _take(state, request, idempotency_key)
    headers = {REPLAYED: "true"} if saved.replayed else {}
    return Response(saved.body, media_type=JSON, headers=headers)


@router.post("/classify/batch", summary="Decide up to 256 complaints, each on its own")
async def classify_batch(
    request: BatchRequest, state: StateDep, idempotency_key: _Key = None
) -> dict[str, Any]:
    """Answer in the order of the items: per item its `decision`, or its `problem`.

    One bad item spoils no other. An `Idempotency-Key` holds for each item by its position.
    """
    limit = state.settings.max_batch
    if len(request.items) > limit:
        raise InputError(f"expected at most {limit}, got {len(request.items)}", field="items")
    parsed = [_parse(item) for item in request.items]
    _refuse_repeated(parsed)
    answers = await asyncio.gather(
        *(
            _answer(state, item, f"{idempotency_key}#{position}" if idempotency_key else None)
            for position, item in enumerate(parsed)
        )
    )
    return {"items": answers}


@router.get("/complaints/{complaint_id}", summary="A complaint and its latest decision")
async def get_complaint(complaint_id: str, state: StateDep) -> dict[str, Any]:
    """What was received, and what was decided."""
    store = state.intake.store
    body = await state.run(lambda: store.decision(complaint_id))
    complaint = await state.run(lambda: store.complaint(complaint_id))
    return {"complaint_id": complaint_id, "complaint": complaint, "decision": loads(body)}


async def _take(state: State, request: ClassifyRequest, key: str | None) -> Saved:
    complaint = to_complaint(
        request,
        state.intake.pipeline.taxonomy,
        now=now(),
        max_chars=state.settings.max_text_chars,
    )
    return await state.run(lambda: state.intake.take(complaint, request.fingerprint(), key))


def _parse(item: Any) -> ClassifyRequest | dict[str, Any]:
    try:
        return ClassifyRequest.model_validate(item)
    except ValidationError as error:
        return of_item(error)


def _refuse_repeated(items: list[ClassifyRequest | dict[str, Any]]) -> None:
    """An id that stands earlier in the batch is refused in place; the first one holds."""
    seen: set[tuple[str | None, str]] = set()
    for position, item in enumerate(items):
        if not isinstance(item, ClassifyRequest) or item.external_id is None:
            continue
        identity = (item.source, item.external_id)
        if identity in seen:
            items[position] = of_error(
                InputError("is there more than once in this batch", field="external_id")
            )
        seen.add(identity)


async def _answer(
    state: State, item: ClassifyRequest | dict[str, Any], key: str | None
) -> dict[str, Any]:
    if not isinstance(item, ClassifyRequest):
        return {"problem": item}
    try:
        saved = await _take(state, item, key)
    except SudaError as error:
        return {"problem": of_error(error)}
    return {"decision": loads(saved.body), "replayed": saved.replayed}
