"""POST /v1/classify, POST /v1/classify/batch, GET /v1/complaints/{id}."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import ValidationError

from data.errors import InputError, SudaError
from serving.api.answers.base import REPLAYED, TIMING, answers
from serving.api.answers.complaints import BatchAnswer, ComplaintAnswer
from serving.api.answers.decision import Decision
from serving.api.problems import headers_of, of_any, of_error, of_item, respond
from serving.api.schemas import BatchRequest, ClassifyRequest, to_complaint
from serving.api.security import GateDep, IntakeCaller, Requires
from serving.api.state import State, StateDep
from serving.api.waiting import outcomes
from serving.engine.laps import Laps, server_timing
from serving.engine.ticket import JointWork, Work
from serving.intake import Intake, Received, loads, now
from serving.settings import MAX_DEADLINE_MS
from serving.store.entry import Saved
from serving.telemetry.logs import fingerprint_of, note, trail

router = APIRouter(prefix="/v1", tags=["complaints"])
log = logging.getLogger("suda")

JSON = "application/json"
_Key = Annotated[str | None, Header(min_length=1, max_length=200)]
_Deadline = Annotated[
    int | None,
    Header(
        alias="Suda-Deadline-Ms",
        ge=1,
        le=MAX_DEADLINE_MS,
        description="Milliseconds within which the work must be begun; what cannot be is refused "
        "at once with 429, what was not is dropped with 504.",
    ),
]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    429: {"description": "More than can be begun in time; `Retry-After` says when to come again"},
    503: {"description": "Not ready, or the database does not answer; see `Retry-After`"},
    504: {"description": "The deadline passed; what had not begun was dropped"},
}


@router.post(
    "/classify",
    summary="Decide one complaint",
    responses=answers(Decision, "The decision", headers=(TIMING, REPLAYED)) | _REFUSALS,
)
async def classify(
    request: ClassifyRequest,
    http: Request,
    state: StateDep,
    caller: IntakeCaller,
    gate: GateDep,
    idempotency_key: _Key = None,
    deadline_ms: _Deadline = None,
) -> Response:
    """Answer with the complete decision, once it is durably stored.

    Sending the same `Idempotency-Key`, or the same `source` and `external_id`, again returns the
    first answer with the header `Idempotency-Replayed: true`; with another body it is a 409.
    `Server-Timing` says where the time went.
    """
    note(**fingerprint_of(request.text))
    gate.charge(caller, 1)
    work = _Deciding(state, request, idempotency_key, now(), caller.actor)
    within = deadline_ms or state.settings.deadline_ms
    (outcome,), laps = await _run(state, http, [work], within)
    _note_model([outcome])
    headers = {TIMING: server_timing(laps)}
    if isinstance(outcome, Exception):
        return _failure(outcome, headers)
    if outcome.replayed:
        headers[REPLAYED] = "true"
    return Response(outcome.body, media_type=JSON, headers=headers)


@router.post(
    "/classify/batch",
    summary="Decide up to 256 complaints, each on its own",
    responses=answers(BatchAnswer, "Per item its decision or its problem", headers=(TIMING,))
    | _REFUSALS,
)
async def classify_batch(
    request: BatchRequest,
    http: Request,
    state: StateDep,
    caller: IntakeCaller,
    gate: GateDep,
    idempotency_key: _Key = None,
    deadline_ms: _Deadline = None,
) -> Response:
    """Answer in the order of the items: per item its `decision`, or its `problem`.

    One bad item spoils no other. An `Idempotency-Key` holds for each item by its position. The
    batch is admitted whole or not at all; complaints that are due before go before its items.
    """
    limit = state.settings.max_batch
    if len(request.items) > limit:
        raise InputError(f"expected at most {limit}, got {len(request.items)}", field="items")
    note(texts=len(request.items))
    gate.charge(caller, len(request.items))
    parsed = [_parse(item) for item in request.items]
    _refuse_repeated(parsed)
    when = now()
    works = [
        _Deciding(
            state, item, f"{idempotency_key}#{i}" if idempotency_key else None, when, caller.actor
        )
        for i, item in enumerate(parsed)
        if isinstance(item, ClassifyRequest)
    ]
    within = deadline_ms or state.settings.batch_deadline_ms
    found, laps = await _run(state, http, works, within)
    _note_model(found)
    outcome = iter(found)
    items = [
        _item(next(outcome)) if isinstance(item, ClassifyRequest) else {"problem": item}
        for item in parsed
    ]
    headers = {TIMING: server_timing(laps)}
    return Response(orjson.dumps({"items": items}), media_type=JSON, headers=headers)


@router.get(
    "/complaints/{complaint_id}",
    summary="A complaint and its latest decision",
    responses=answers(ComplaintAnswer, "What was received, and what was decided"),
    dependencies=[Depends(Requires("intake", "review"))],
)
async def get_complaint(complaint_id: str, state: StateDep) -> dict[str, Any]:
    """What was received, and what was decided."""
    store = state.intake.store
    body = await state.run(lambda: store.decision(complaint_id))
    complaint = await state.run(lambda: store.complaint(complaint_id))
    return {"complaint_id": complaint_id, "complaint": complaint, "decision": loads(body)}


@dataclass(frozen=True, slots=True)
class _Deciding(JointWork[Saved]):
    """What a worker does for one complaint; `when` is the time it came in."""

    state: State
    request: ClassifyRequest
    key: str | None
    when: datetime
    actor: str

    def together(
        self, works: Sequence[_Deciding], laps: Sequence[Laps]
    ) -> list[Saved | Future[Saved] | Exception]:
        # Read once, when it runs: all of a complaint is decided by one model.
        intake = self.state.intake
        found = [work._received(intake, lap) for work, lap in zip(works, laps, strict=True)]
        begun = iter(intake.begin_all([one for one in found if isinstance(one, Received)]))
        return [next(begun) if isinstance(one, Received) else one for one in found]

    def _received(self, intake: Intake, laps: Laps) -> Received | Exception:
        try:
            complaint = to_complaint(
                self.request,
                intake.pipeline.taxonomy,
                now=self.when,
                max_chars=self.state.settings.max_text_chars,
            )
        except Exception as error:  # noqa: BLE001 - it is this complaint's answer
            return error
        fingerprint = self.request.fingerprint()
        return Received(complaint, fingerprint, self.key, actor=self.actor, lap=laps.lap)


async def _run(
    state: State, http: Request, works: Sequence[Work[Saved]], within_ms: int
) -> tuple[list[Saved | Exception], list[Laps]]:
    if not works:
        return [], []
    tickets = state.engine.admit(works, within=within_ms / 1000)
    found = await outcomes(
        tickets,
        within=within_ms / 1000,
        grace=state.settings.grace_ms / 1000,
        receive=http.receive,
    )
    for error in found:
        if isinstance(error, Exception) and not isinstance(error, SudaError):
            log.error("a complaint failed: %s", trail(error))
    return found, [ticket.laps for ticket in tickets]


def _note_model(found: Sequence[Saved | Exception]) -> None:
    """Log who answered: a canary, or a model of before, and not whoever is champion now."""
    models = {
        saved.model or loads(saved.body)["versions"]["model"]
        for saved in found
        if isinstance(saved, Saved)
    }
    if models:
        note(model=", ".join(sorted(models)))


def _failure(error: Exception, headers: dict[str, str]) -> Response:
    more = headers_of(error) if isinstance(error, SudaError) else {}
    return respond(of_any(error), headers | more)


def _item(outcome: Saved | Exception) -> dict[str, Any]:
    if isinstance(outcome, Exception):
        return {"problem": of_any(outcome)}
    # The stored bytes as they are.
    return {"decision": orjson.Fragment(outcome.body), "replayed": outcome.replayed}


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
