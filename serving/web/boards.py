"""Boards 看板: each page a question, each figure a link to the complaints behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Query, Request, Response

from serving.api.state import StateDep
from serving.boards.deadlines import deadlines
from serving.boards.departments import loads
from serving.boards.health import health
from serving.boards.hotspots import hotspots
from serving.boards.reviewers import reviewers
from serving.boards.today import today
from serving.boards.trends import ALONG, Step, buckets, grid, trend
from serving.boards.view import View
from serving.web import board_charts as charts
from serving.web.auth import Lead, Reviewer
from serving.web.findings import busy, hottest
from serving.web.frame import page, router_for
from serving.web.looking import chosen, options, seen

T = TypeVar("T")

router = router_for("/boards")

SPANS = ((7, "近 7 天"), (30, "近 30 天"), (90, "近 90 天"), (365, "近一年"))
Days = Annotated[int, Query(ge=1, le=800)]
_STEPS = (("day", "按日"), ("week", "按周"), ("month", "按月"))


def _once(view: View, name: str, work: Callable[[], T], *parts: Any) -> T:
    """Worked out once a minute at most, and anew when anything changed."""
    minute = view.now.replace(second=0)
    return view.board.once((name, view.key, minute, *parts), work)


def _shown(request: Request, template: str, view: View, **context: Any) -> Response:
    return page(
        request,
        template,
        view=view,
        options=[axis for axis in options(view) if axis["name"] != "segment"],
        chosen=chosen(view),
        as_of=view.board.as_of.astimezone(view.zone),
        narrowed=view.base.query(),
        **context,
    )


@router.get("")
async def today_board(request: Request, state: StateDep, user: Reviewer) -> Response:
    """What came in, what waits, what is late or soon will be."""
    view, board = await seen(request, state, user, lambda v: _once(v, "today", lambda: today(v)))
    rows = [["日期", "受理"], *([f"{day:%Y-%m-%d}", count.n] for day, count in board.days)]
    hours = [
        ["时段", "今日", "往常"],
        *([f"{h.hour}时", h.count.n, h.typical] for h in board.hours),
    ]
    return _shown(
        request, "boards_today.html", view, board=board, busy=busy(board),
        days=charts.days(board), days_rows=rows, hours=charts.hours(board), hours_rows=hours,
    )  # fmt: skip


@router.get("/trends")
async def trends_board(
    request: Request, state: StateDep, user: Reviewer, along: str = "product", step: Step = "week"
) -> Response:
    """One axis over time, and products by reasons."""

    def work(view: View) -> tuple[Any, Any]:
        axis = along if along in ALONG and along in view.axes else "lead"
        line = _once(view, "trend", lambda: trend(view, axis, step), axis, step)
        shown = buckets(view.today, step)
        cells = None
        if "product" in view.axes and "reason" in view.axes:
            first, end = shown[0].first, shown[-1].end
            cells = _once(view, "grid", lambda: grid(view, "product", "reason", first, end), first)
        return line, cells

    view, (line, cells) = await seen(request, state, user, work)
    table = [
        [line.title, *(series.name for series in line.series), "合计"],
        *(
            [bucket.title, *(series.counts[i].n for series in line.series), line.totals[i].n]
            for i, bucket in enumerate(line.buckets)
        ),
    ]
    return _shown(
        request, "boards_trends.html", view, trend=line, grid=cells, rows=table, step=step,
        chart=charts.bands(line), heat=charts.heat(cells) if cells else None,
        along=[(axis, view.axes[axis].title) for axis in ALONG if axis in view.axes],
        steps=_STEPS,
    )  # fmt: skip


@router.get("/hotspots")
async def hotspots_board(request: Request, state: StateDep, user: Reviewer) -> Response:
    """Where this week is more than its own history explains."""
    view, found = await seen(
        request, state, user, lambda v: _once(v, "hotspots", lambda: hotspots(v), v.today)
    )
    return _shown(request, "boards_hotspots.html", view, found=found, finding=hottest(found))


@router.get("/departments")
async def departments_board(
    request: Request, state: StateDep, user: Reviewer, days: Days = 30,
    by: Literal["lead", "branch"] = "lead",
) -> Response:  # fmt: skip
    """What each department, or branch, has on its desk."""
    view, found = await seen(
        request, state, user,
        lambda v: _once(v, "loads", lambda: loads(v, by, *v.since(days)), by, days),
    )  # fmt: skip
    title = view.axes[by].title
    return _shown(
        request, "boards_departments.html", view, loads=found, days=days, by=by, title=title,
        spans=SPANS,
    )  # fmt: skip


@router.get("/deadlines")
async def deadlines_board(
    request: Request, state: StateDep, user: Reviewer, days: Days = 90,
    of: str = "", by: Literal["lead", "branch"] = "lead",
) -> Response:  # fmt: skip
    """Which clocks were kept."""
    view, found = await seen(
        request, state, user,
        lambda v: _once(v, "deadlines", lambda: deadlines(v, *v.since(days)), days),
    )  # fmt: skip
    shown = next((board for board in found if board.code == of), None)
    if shown is None:
        shown = next((board for board in found if board.statutory), found[0] if found else None)
    return _shown(
        request, "boards_deadlines.html", view, clocks=found, shown=shown, days=days, by=by,
        spans=SPANS,
    )  # fmt: skip


@router.get("/reviewers")
async def reviewers_board(
    request: Request, state: StateDep, user: Lead, days: Days = 30
) -> Response:
    """Who did how much, and how far two people agree."""
    view, found = await seen(
        request, state, user,
        lambda v: _once(v, "reviewers", lambda: reviewers(v, *v.since(days)), days),
    )  # fmt: skip
    rows = [["日期", "复核"], *([f"{day:%Y-%m-%d}", n] for day, n in found.by_day)]
    return _shown(
        request, "boards_reviewers.html", view, found=found, days=days, spans=SPANS, rows=rows,
        chart=charts.work(found.by_day),
    )  # fmt: skip


@router.get("/model")
async def model_board(
    request: Request, state: StateDep, user: Reviewer, days: Days = 90
) -> Response:
    """How often people say otherwise than the model, and whether its confidence holds."""
    view, found = await seen(
        request, state, user,
        lambda v: _once(v, "health", lambda: health(v, *v.since(days)), days),
    )  # fmt: skip
    curves = {head.head: charts.reliability(head) for head in found.heads}
    return _shown(
        request, "boards_model.html", view, found=found, days=days, spans=SPANS, curves=curves
    )
