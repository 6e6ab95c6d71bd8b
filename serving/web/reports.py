"""Reports 报表: the statistics of a period as a page and as files; closed periods are frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote

from fastapi import Form, Query, Request, Response

from data.errors import ConflictError, InputError
from serving.api.admin_keys import in_session
from serving.api.state import State, StateDep
from serving.boards.axes import field_of
from serving.boards.epoch import day_of
from serving.boards.facts import NONE
from serving.boards.period import Period, around, parse
from serving.boards.view import View
from serving.reports.desk import (
    ENDINGS,
    FORMATS,
    Asked,
    asked,
    author_of,
    current,
    definition_of,
    offered,
)
from serving.reports.frozen import freeze
from serving.reports.report import Report
from serving.reports.writing import kind_of, made_at, read, text
from serving.security.roles import User
from serving.store import reports as store
from serving.web.auth import Lead
from serving.web.errors import PageError
from serving.web.frame import HEADERS, Notice, audited, labels_of, page, redirect, router_for
from serving.web.labels import Labels
from serving.web.looking import chosen, options, seen

router = router_for("/reports")

Counting = Literal["merged", "received"]
_HASHED = 64
Name = Annotated[str, Query(max_length=32)]


async def _asked(
    request: Request, state: State, user: User, period: str, counting: Counting,
    *, fresh: bool = False,
) -> tuple[View, Asked]:  # fmt: skip
    pipeline, app_state = state.intake.pipeline, request.app.state
    definition = definition_of(state.settings, pipeline, app_state)

    def work(view: View) -> Asked:
        author = author_of(user.actor, pipeline, view)
        merged = counting == "merged"
        report = current(
            view, _period(view, period), definition, author, app_state, merged=merged, fresh=fresh
        )
        return asked(state.intake.store.session, report)

    return await seen(request, state, user, work, fresh=fresh)


def _period(view: View, name: str) -> Period:
    """The one that is named; unnamed, the last quarter that has ended."""
    try:
        return parse(name) if name else around(view.today, "quarter").before()
    except InputError as error:
        raise PageError(
            "统计期间应形如 2026、2026Q3、2026-07 或 2026-07-01..2026-07-15。"
        ) from error


@router.get("")
async def report(
    request: Request,
    state: StateDep,
    user: Lead,
    period: Name = "",
    counting: Counting = "merged",
    table: Annotated[str, Query(max_length=64)] = "summary",
) -> Response:
    """One table of a report, with the way to the others and to the files."""
    view, found = await _asked(request, state, user, period, counting)
    tables = {item.id: item for item in found.report.tables}
    shown = tables.get(table) or found.report.tables[0]
    days = view.days()
    oldest = day_of(int(days.min())) if len(days) else None
    query = _query(found, counting, view)
    return page(
        request,
        "reports.html",
        asked=found,
        report=found.report,
        shown=shown,
        periods=offered(view.today, oldest),
        counting=counting,
        query=query,
        options=[axis for axis in options(view) if axis["name"] in ("branch", "segment")],
        chosen=chosen(view),
        written=text,
        made_at=made_at(found.report.head),
        places=read(shown),
        kind_of=kind_of,
        none=NONE,
        formats=list(FORMATS),
    )


@router.get("/download")
async def download(
    request: Request,
    state: StateDep,
    user: Lead,
    form: Annotated[Literal["xlsx", "csv", "pdf"], Query(alias="format")],
    period: Name = "",
    counting: Counting = "merged",
) -> Response:
    """The report as a file; recorded in the audit trail."""
    _, found = await _asked(request, state, user, period, counting)
    media_type, made = FORMATS[form]
    head = found.report.head
    signed = _signed(request, found.report)
    content = await state.run(lambda: made(signed))
    await audited(
        request, "report.downloaded", f"report:{head.period}", format=form, scope=head.scope,
        counting=head.counting, cases=head.cases,
    )  # fmt: skip
    name = f"suda-{head.period}.{ENDINGS[form]}"
    chinese = quote(f"{head.title}.{ENDINGS[form]}")
    disposition = f"attachment; filename=\"{name}\"; filename*=UTF-8''{chinese}"
    return Response(content, 200, {**HEADERS, "Content-Disposition": disposition}, media_type)


def _signed(request: Request, report: Report) -> Report:
    """By whom it was made in words; not part of what is compared and frozen."""
    name = request.state.web_people.who(report.head.generated_by)
    return replace(report, head=replace(report.head, generated_by=name))


@router.post("/freeze")
async def frozen(
    request: Request,
    state: StateDep,
    user: Lead,
    period: Annotated[str, Form(max_length=32)],
    counting: Annotated[Counting, Form()] = "merged",
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Freeze the report of a period that has ended, as it is counted now."""
    _, found = await _asked(request, state, user, period, counting, fresh=True)
    await _refused(
        lambda: in_session(
            state.intake.store.session,
            lambda s: freeze(s, found.current, user.actor, datetime.now(UTC), note.strip() or None),
        )
    )
    target = f"/ui/reports?{_query(found, counting)}"
    return redirect(request, target, Notice(f"{found.report.head.period_title}报表已定稿"))


async def _refused(work: Callable[[], Any]) -> None:
    try:
        await work()
    except InputError as error:
        raise PageError("只有已结束且核对一致的期间可以定稿。") from error
    except ConflictError as error:
        raise PageError("该期间已定稿，数字没有变化。", status=409) from error


@router.get("/snapshots")
async def snapshots(request: Request, state: StateDep, _: Lead) -> Response:
    """What was frozen, by whom, with which hash."""
    found = await in_session(state.intake.store.session, store.recent)
    labels = labels_of(request)
    shown = [(item, parse(item.period).title, *_scope(item.scope, labels)) for item in found]
    return page(request, "reports_snapshots.html", snapshots=shown)


def _scope(scope: str, labels: Labels | None) -> tuple[str, str, str]:
    """How a frozen report counts and what it is narrowed to, in words; and its query."""
    counting, _, narrowed = scope.partition("|")
    query = f"counting={'merged' if counting == '合并重复后' else 'received'}"
    if not narrowed:
        # What was too long to keep is known by its hash alone.
        return ("—", "多项条件", "") if len(scope) == _HASHED else (counting, "全部投诉", query)
    said = []
    for name, code in parse_qsl(narrowed):
        field = field_of(name)
        said.append(
            "、".join(labels.field(field, one) if labels else one for one in code.split(","))
        )
    return counting, "；".join(said), f"{query}&{narrowed}"


def _query(found: Asked, counting: Counting, view: View | None = None) -> str:
    narrowed = view.base.query() if view is not None else found.current.head.scope
    query = f"period={quote(found.report.head.period)}&counting={counting}"
    return f"{query}&{narrowed}" if narrowed else query
