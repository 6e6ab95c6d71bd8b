"""/ui/admin/jobs: files of complaints handed in, followed, steered, their results fetched."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Form, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session
from ulid import ULID

from data.errors import (
    ConflictError,
    FileFormatError,
    InputError,
    OverloadedError,
    SudaError,
    TooLargeError,
)
from serving.api.admin_keys import in_session
from serving.api.job_body import received
from serving.api.job_service import Jobs, JobsDep
from serving.api.state import State, StateDep
from serving.intake import now
from serving.jobs import results
from serving.jobs.load import Incoming
from serving.jobs.options import suffix_of
from serving.store import job_items, job_removal, jobs
from serving.store.faults import answering
from serving.store.rows.jobs import JobRow
from serving.web.auth import Admin
from serving.web.errors import PageError
from serving.web.frame import HEADERS, Notice, audited, is_htmx, page, redirect, router_for
from serving.web.sentences import chinese

router = router_for("/admin/jobs")
HERE = "/ui/admin/jobs"

_SIZE = 25
_ERRORS = 50
OPEN = ("queued", "running")
STATES = {
    "queued": ("排队", "grey"),
    "running": ("进行中", "blue"),
    "paused": ("已暂停", "amber"),
    "done": ("完成", "green"),
    "failed": ("失败", "red"),
    "cancelled": ("已取消", "grey"),
}
# Fields that the form asks a column for; all others are named as in the interface.
COLUMNS = (
    ("text", "投诉内容", "text"),
    ("external_id", "工单编号", "external_id"),
    ("received_at", "受理时间", "received_at"),
    ("branch", "机构", "branch"),
    ("channel", "渠道", "channel"),
    ("metadata.customer_id", "客户号", ""),
)
_TITLES = {"source": "来源", "customer_segment": "客群"}
_SAID: tuple[tuple[type[SudaError], str], ...] = (
    (FileFormatError, "文件无法读取"),
    (TooLargeError, "文件过大"),
    (InputError, "文件或选项有误"),
    (ConflictError, "文件正在导入或已导入过"),
)

_State = Literal["", "queued", "running", "paused", "done", "failed", "cancelled"]


@router.get("")
async def listed(
    request: Request,
    state: StateDep,
    _: Admin,
    which: Annotated[_State, Query(alias="state")] = "",
    before: Annotated[str, Query(max_length=26)] = "",
) -> Response:
    """Jobs, the newest first."""
    found = await in_session(
        state.intake.store.session,
        lambda s: jobs.listed(s, state=which or None, before=before or None, limit=_SIZE + 1),
    )
    shown = [results.view(job, now()) for job in found[:_SIZE]]
    return page(
        request, "admin_jobs.html", at=datetime.fromisoformat,
        found=shown, states=STATES, which=which, before=before,
        following=shown[-1]["id"] if len(found) > _SIZE else "",
        going=any(job["state"] in OPEN for job in shown),
        columns=COLUMNS, key=str(ULID()), max_bytes=state.settings.max_job_bytes,
        max_rows=state.settings.max_job_rows,
    )  # fmt: skip


@router.post("")
async def create(request: Request, state: StateDep, shared: JobsDep, user: Admin) -> Response:
    """Take a file in, as POST /v1/jobs does: it is never whole in memory, nor plain on a disk.

    Answers with JSON: where the job is, or a problem.
    """
    try:
        job = await _taken_in(request, state, shared, user.actor)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise PageError(f"选项有误：{chinese(str(first['msg']))}") from error
    except OverloadedError as error:
        raise PageError("未完成的任务过多，请等待或先取消一些", status=429) from error
    except SudaError as error:
        said = next((said for kind, said in _SAID if isinstance(error, kind)), None)
        if said is None:
            raise
        raise PageError(f"{said}：{chinese(str(error))}", status=error.status) from error
    shared.runner.wake()
    return JSONResponse({"href": f"{HERE}/{job.id}"}, 201, HEADERS)


@router.get("/{job_id}")
async def shown(
    request: Request,
    job_id: str,
    state: StateDep,
    _: Admin,
    after: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    """One job: how far it is, which rows failed, and its files."""

    def read(session: Session) -> tuple[JobRow, list[job_items.Result]]:
        return jobs.get(session, job_id), job_items.errors(session, job_id, after, _ERRORS + 1)

    job, failed = await in_session(state.intake.store.session, read)
    errors = [results.entry(one, masked=True) for one in failed[:_ERRORS]]
    return page(
        request, "admin_job.html", at=datetime.fromisoformat,
        job=results.view(job, now()), states=STATES, errors=errors, after=after,
        following=errors[-1]["row"] if len(failed) > _ERRORS else None,
        columns=job.options.get("columns") or {}, defaults=job.options.get("defaults") or {},
        titles={name: title for name, title, _ in COLUMNS} | _TITLES,
    )  # fmt: skip


@router.get("/{job_id}/progress")
async def progress(request: Request, job_id: str, state: StateDep, _: Admin) -> Response:
    """How far it is; once nothing goes on, the page as a whole is loaded anew."""
    job = await in_session(state.intake.store.session, lambda s: jobs.get(s, job_id))
    if is_htmx(request) and job.state not in OPEN:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return page(request, "admin_job_progress.html", job=results.view(job, now()))


@router.get("/{job_id}/result")
async def result(
    request: Request,
    job_id: str,
    state: StateDep,
    user: Admin,
    kind: Annotated[results.Format, Query(alias="format")] = "csv",
    masked: bool = True,
) -> Response:
    """What the job came to, as a file; recorded in the audit trail, with what was unmasked."""
    if not masked and not user.at_least("admin"):
        raise PageError("只有管理员可以下载未脱敏的结果", status=403)
    job = await in_session(state.intake.store.session, lambda s: jobs.get(s, job_id))
    if job.purged_at is not None:
        raise PageError("结果已超过保留期限，已被清除", status=409)
    try:
        file = results.file_of(
            state.intake.store.session, job, kind, masked=masked, spool=state.settings.job_spool
        )
    except InputError as error:
        raise PageError("行数超过一个工作表的上限，请下载 CSV 或 JSONL") from error
    await audited(
        request, "job.downloaded", f"job:{job_id}", format=kind, masked=masked, state=job.state
    )
    disposition = f'attachment; filename="{job_id}.{kind}"'
    headers = {**HEADERS, "Content-Disposition": disposition}
    return StreamingResponse(file, media_type=results.MEDIA_TYPES[kind], headers=headers)


@router.post("/{job_id}/turn")
async def turn(
    request: Request,
    job_id: str,
    state: StateDep,
    shared: JobsDep,
    user: Admin,
    wanted: Annotated[Literal["paused", "cancelled", "queued"], Form()],
    failed: Annotated[bool, Form()] = False,
) -> Response:
    """Pause, cancel or go on; `failed` tries failed rows once more."""
    try:
        await in_session(
            state.intake.store.session,
            lambda s: jobs.turn(s, job_id, wanted, user.actor, now(), failed=failed),
        )
    except ConflictError as error:
        raise PageError("任务状态已变化，不能这样操作，请刷新后再试", status=409) from error
    shared.runner.wake()
    said = {"paused": "任务已暂停", "cancelled": "任务已取消", "queued": "任务继续进行"}[wanted]
    return redirect(request, f"{HERE}/{job_id}", Notice(said))


@router.post("/{job_id}/remove")
async def remove(request: Request, job_id: str, state: StateDep, user: Admin) -> Response:
    """The job and its rows go; complaints that it stored stay."""
    try:
        await state.run(
            lambda: job_removal.remove(state.intake.store.session, job_id, user.actor, now())
        )
    except ConflictError as error:
        raise PageError("进行中的任务不能删除，请先取消", status=409) from error
    return redirect(request, HERE, Notice("任务及其结果已删除，已入库的投诉保留"))


async def _taken_in(request: Request, state: State, shared: Jobs, actor: str) -> Any:
    file, file_name, options = await received(request, state.settings, shared.allowed)
    try:
        incoming = Incoming(
            file,
            suffix_of(options, file_name),
            options.name or file_name or "job",
            options,
            actor,
            request.headers.get("idempotency-key") or None,
        )
        async with shared.turns:
            with answering():
                job, _ = await asyncio.to_thread(shared.loader.load, incoming)
    finally:
        file.close()
    return job
