"""投诉单: the list of complaints, by the same filters that the boards' figures are counted by."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from serving.api.state import StateDep
from serving.boards.facts import NONE
from serving.boards.listing import MOST_EXPORTED, SIZE, Listing, Sort, export, listing
from serving.boards.view import View
from serving.web.auth import Lead, Reviewer
from serving.web.errors import PageError
from serving.web.frame import HEADERS, audited, page, router_for
from serving.web.looking import seen
from serving.web.told import OFFERED, hidden, told

router = router_for("/cases")

_SORTS: tuple[tuple[Sort, str], ...] = (
    ("received", "最新收到"), ("oldest", "最早收到"), ("due", "法定时限最近"),
    ("priority", "优先级"), ("confidence", "置信度最低"),
)  # fmt: skip


@router.get("")
async def cases(
    request: Request,
    state: StateDep,
    user: Reviewer,
    sort: Sort = "received",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """One page of the complaints that the query asks for."""
    sessions = state.intake.store.session

    def work(view: View) -> Listing:
        with sessions() as session:
            return listing(session, view, sort, number)

    view, found = await seen(request, state, user, work)
    query = view.base.query()
    return page(
        request,
        "cases_list.html",
        found=found,
        size=SIZE,
        view=view,
        options=view.board.once("list options", lambda: _options(view)),
        chosen={name: ",".join(codes) for name, codes in view.base.codes.items()},
        told=told(view),
        hidden=hidden(view.base),
        days=_days(view),
        query=query,
        url=f"/ui/cases?{query}{'&' if query else ''}sort={sort}",
        sort=sort,
        sorts=_SORTS,
        most=MOST_EXPORTED,
        none=NONE,
    )


@router.get("/export")
async def exported(
    request: Request, state: StateDep, user: Lead, sort: Sort = "received"
) -> Response:
    """The whole list as CSV, personal data masked; recorded in the audit trail."""
    view, total = await seen(request, state, user, lambda v: int(v.chosen().sum()))
    if total > MOST_EXPORTED:
        raise PageError(f"共 {total:,} 件，一次最多导出 {MOST_EXPORTED:,} 件，请先缩小范围。")
    await audited(request, "cases.exported", "cases", filter=view.base.query(), complaints=total)
    pieces = export(state.intake.store.session, view, sort)
    name = f"cases-{view.now.astimezone(view.zone):%Y%m%d-%H%M}.csv"
    return StreamingResponse(
        iterate_in_threadpool(pieces),
        media_type="text/csv; charset=utf-8",
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
    )


def _options(view: View) -> list[dict[str, Any]]:
    found = []
    for name in OFFERED:
        if name in view.axes:
            axis = view.axes[name]
            there = set(view.facts[name].counts())
            if axis.head is not None:
                there |= {step for code in there - {NONE} for step in _path(axis.head, code)}
            codes = [(code, _indented(axis, code)) for code in view.ordered(name, there)]
            found.append({"name": name, "title": axis.title, "codes": codes})
    return found


def _path(head: Any, code: str) -> tuple[str, ...]:
    return tuple(head.path(code)) if code in head.by_code else ()


def _indented(axis: Any, code: str) -> str:
    depth = len(_path(axis.head, code)) - 1 if axis.tree else 0
    return "\u3000" * max(depth, 0) + str(axis.label(code))


def _days(view: View) -> dict[str, str]:
    """The span of receipt as the two date fields show it: whole days, the last one included."""
    span = view.base.times.get("received")
    first, end = (span.first, span.end) if span else (None, None)
    return {
        "from": first.astimezone(view.zone).date().isoformat() if first else "",
        "to": end.astimezone(view.zone).date().isoformat() if end else "",
    }
