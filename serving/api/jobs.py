"""Files of complaints over HTTP: POST, GET, DELETE /v1/jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from data.errors import ConflictError
from serving.api.answers.base import REPLAYED, answers
from serving.api.answers.jobs import FailedRowsPage, JobAnswer, JobsPage
from serving.api.job_body import received
from serving.api.job_docs import BODY, BUSY, RESULT
from serving.api.job_service import JobsDep
from serving.api.problems import of_validation, respond
from serving.api.security import GateDep, Requires
from serving.api.state import State, StateDep
from serving.intake import now
from serving.jobs import results
from serving.jobs.load import Incoming
from serving.jobs.options import suffix_of
from serving.security.gate import Caller
from serving.store import audit, job_items, job_removal, jobs
from serving.store.faults import answering
from serving.store.rows.jobs import JobRow

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

T = TypeVar("T")
_FIRST_ERRORS = 10
_JOB = answers(JobAnswer, "The job")
FORM_BYTES = 128 * 1024
"""What a form may have beside its file."""

_Key = Annotated[str | None, Header(min_length=1, max_length=200)]
_After = Annotated[int, Query(ge=0, le=2**31, description="`next` of the page before.")]
_Limit = Annotated[int, Query(ge=1, le=1000)]
HandsIn = Annotated[Caller, Depends(Requires("intake"))]
Sees = Annotated[Caller, Depends(Requires("intake", "review", "admin", "audit"))]
Steers = Annotated[Caller, Depends(Requires("intake", "admin"))]
Reads = Annotated[Caller, Depends(Requires("intake", "review", "admin"))]


@router.post(
    "",
    summary="Hand in a file of complaints",
    status_code=202,
    responses=answers(JobAnswer, "The job", 202, headers=("Location", REPLAYED)) | BUSY,
    openapi_extra=BODY,
)
async def create(
    http: Request,
    state: StateDep,
    shared: JobsDep,
    caller: HandsIn,
    gate: GateDep,
    idempotency_key: _Key = None,
) -> Response:
    """Answer once every row is durably in the store; they are decided in spare capacity.

    CSV, JSONL or XLSX, also gzipped. The same `Idempotency-Key` with the same file returns the
    first job with `Idempotency-Replayed: true`; a repeat is safe.
    """
    gate.charge(caller, 1)
    try:
        file, file_name, options = await received(http, state.settings, shared.allowed)
    except ValidationError as error:
        return respond(of_validation(error.errors(include_url=False, include_context=False)))
    try:
        incoming = Incoming(
            file,
            suffix_of(options, file_name),
            options.name or file_name or "job",
            options,
            caller.actor,
            idempotency_key,
        )
        async with shared.turns:
            job, replayed = await asyncio.to_thread(shared.loader.load, incoming)
    finally:
        file.close()
    shared.runner.wake()
    headers = {"Location": f"/v1/jobs/{job.id}"} | ({REPLAYED: "true"} if replayed else {})
    return JSONResponse(await _shown(state, job.id), 202, headers)


@router.get("", summary="Jobs, newest first", responses=answers(JobsPage, "A page of jobs"))
async def listed(
    state: StateDep,
    _: Sees,
    job_state: Annotated[
        Literal["queued", "running", "paused", "done", "failed", "cancelled"] | None,
        Query(alias="state"),
    ] = None,
    before: Annotated[str | None, Query(max_length=26)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """A page of jobs; `next` is the `before` of the following page, null on the last."""
    found = await _in_session(
        state, lambda s: jobs.listed(s, state=job_state, before=before, limit=limit + 1)
    )
    page = found[:limit]
    following = page[-1].id if len(found) > limit else None
    return {"items": [results.view(job, now()) for job in page], "next": following}


@router.get("/{job_id}", summary="How far a job is", responses=_JOB)
async def show(job_id: str, state: StateDep, _: Sees) -> dict[str, Any]:
    """State, figures as of the last second, speed, time left, and the first errors by row."""
    return await _shown(state, job_id)


@router.get(
    "/{job_id}/errors",
    summary="Rows that failed, and why",
    responses=answers(FailedRowsPage, "A page of rows"),
)
async def errors(
    job_id: str, state: StateDep, _: Reads, after: _After = 0, limit: _Limit = 200
) -> dict[str, Any]:
    """A page of rows with their problems, personal data masked; `next` leads on."""
    found = await _in_session(
        state,
        lambda s: (
            jobs.get(s, job_id),
            job_items.errors(s, job_id, after, limit + 1),
        )[1],
    )
    page = found[:limit]
    following = page[-1].number if len(found) > limit else None
    return {"items": [results.entry(one, masked=True) for one in page], "next": following}


@router.get(
    "/{job_id}/result",
    summary="What a job came to, as a file",
    response_class=StreamingResponse,
    responses=RESULT,
)
async def result(
    job_id: str,
    state: StateDep,
    caller: Reads,
    kind: Annotated[results.Format, Query(alias="format")] = "jsonl",
    masked: Annotated[bool, Query(description="Hide personal data and quotes.")] = True,
    partial: Annotated[bool, Query(description="Also of a job that has not ended.")] = False,
) -> StreamingResponse:
    """Every decided row with its decision, every failed one with its problem, in their order."""
    job = await _in_session(state, lambda s: jobs.get(s, job_id))
    if job.state not in jobs.ENDED and not partial:
        raise ConflictError(f"it is {job.state}; ask with partial=true for what there is so far")
    if job.purged_at is not None:
        raise ConflictError("its rows were removed when their time was over")
    file = results.file_of(
        state.intake.store.session, job, kind, masked=masked, spool=state.settings.job_spool
    )
    details = {"format": kind, "masked": masked, "state": job.state}
    await _in_session(
        state,
        lambda s: audit.record(
            s, caller.actor, "job.downloaded", f"job:{job_id}", details, now=now()
        ),
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{job_id}.{kind}"',
        "Suda-Job-State": job.state,
    }
    return StreamingResponse(file, media_type=results.MEDIA_TYPES[kind], headers=headers)


@router.post("/{job_id}/pause", summary="Stop a job for now", responses=_JOB)
async def pause(job_id: str, state: StateDep, caller: Steers) -> dict[str, Any]:
    """Rows under way are finished; what is decided stays."""
    return await _turned(state, job_id, "paused", caller)


@router.post("/{job_id}/cancel", summary="Stop a job for good", responses=_JOB)
async def cancel(job_id: str, state: StateDep, caller: Steers) -> dict[str, Any]:
    """Rows under way are finished; what is decided stays. It can still be resumed."""
    return await _turned(state, job_id, "cancelled", caller)


@router.post("/{job_id}/resume", summary="Go on with a job", responses=_JOB)
async def resume(
    job_id: str,
    state: StateDep,
    shared: JobsDep,
    caller: Steers,
    failed: Annotated[bool, Query(description="Try rows that failed once more, too.")] = False,
) -> dict[str, Any]:
    """Go on where it stopped: no row is decided twice, none is left out."""
    answer = await _turned(state, job_id, "queued", caller, failed=failed)
    shared.runner.wake()
    return answer


@router.delete("/{job_id}", summary="Remove a job and its rows", status_code=204)
async def delete(job_id: str, state: StateDep, caller: Steers) -> None:
    """Complaints that it stored stay. A job that is queued or running must be cancelled first."""
    with answering():
        await state.run(
            lambda: job_removal.remove(state.intake.store.session, job_id, caller.actor, now())
        )


async def _turned(
    state: State, job_id: str, wanted: jobs.State, caller: Caller, *, failed: bool = False
) -> dict[str, Any]:
    await _in_session(
        state, lambda s: jobs.turn(s, job_id, wanted, caller.actor, now(), failed=failed)
    )
    return await _shown(state, job_id)


async def _shown(state: State, job_id: str) -> dict[str, Any]:
    def read(session: Session) -> tuple[JobRow, list[job_items.Result]]:
        job = jobs.get(session, job_id)
        return job, job_items.errors(session, job_id, 0, _FIRST_ERRORS)

    job, failed = await _in_session(state, read)
    first = [results.entry(one, masked=True) for one in failed]
    return {**results.view(job, now()), "first_errors": first}


async def _in_session(state: State, work: Callable[[Session], T]) -> T:
    """Run blocking work in one transaction, off the event loop."""

    def run() -> T:
        with answering(), state.intake.store.session.begin() as session:
            return work(session)

    return await state.run(run)
