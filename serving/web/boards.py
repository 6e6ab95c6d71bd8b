"""Boards 看板: each page a question, each figure a link to the complaints behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Query, Request, Response

from serving.api.state import State, StateDep
from serving.boards.deadlines import deadlines
from serving.boards.departments import loads
from serving.boards.health import health
from serving.boards.hotspots import hotspots
from serving.boards.reviewers import reviewers
from serving.boards.today import today
from serving.boards.trends import ALONG, Step, buckets, grid, trend
from serving.boards.view import View
from serving.security.roles import User
from serving.web import board_charts as charts
from serving.web.auth import Lead, Reviewer
from serving.web.findings import (
    NAMED,
    agreed,
    busy,
    fullest,
    growing,
    hottest,
    kept,
    moves,
    sound,
)
from serving.web.frame import page, router_for
from serving.web.looking import chosen, counted, options

T = TypeVar("T")

router = router_for("/boards")

SPANS = ((7, "近 7 天"), (30, "近 30 天"), (90, "近 90 天"), (365, "近一年"))
Days = Annotated[int, Query(ge=1, le=800)]
_STEPS = (("day", "按日"), ("week", "按周"), ("month", "按月"))


@dataclass(frozen=True, slots=True)
class _Standing:
    """A board as it stands ready: what was counted, and what its bar of filters offers."""

    view: View
    options: list[dict[str, Any]]


async def _counted(
    request: Request, state: State, user: User, name: str, work: Callable[[View], T], *key: Any
) -> tuple[_Standing, T]:
    """Counted in the background, again and again for as long as anybody looks."""

    def done(view: View) -> tuple[T, list[dict[str, Any]]]:
        return work(view), [axis for axis in options(view) if axis["name"] != "segment"]

    view, (found, bar) = await counted(request, state, user, done, name, *key)
    return _Standing(view, bar), found


def _shown(request: Request, template: str, standing: _Standing, **context: Any) -> Response:
    view = standing.view
    return page(
        request,
        template,
        view=view,
        options=standing.options,
        chosen=chosen(view),
        as_of=view.board.as_of.astimezone(view.zone),
        narrowed=view.base.query(),
        **context,
    )


@router.get("")
async def today_board(request: Request, state: StateDep, user: Reviewer) -> Response:
    """What came in, what waits, what is late or soon will be."""
    standing, board = await _counted(request, state, user, "today", today)
    rows = [["日期", "受理"], *([f"{day:%Y-%m-%d}", count.n] for day, count in board.days)]
    hours = [
        ["时段", "今日", "往常"],
        *([f"{h.hour}时", h.count.n, h.typical] for h in board.hours),
    ]
    return _shown(
        request, "boards_today.html", standing, board=board, busy=busy(board),
        days=charts.days(board), days_rows=rows, hours=charts.hours(board), hours_rows=hours,
    )  # fmt: skip


@router.get("/trends")
async def trends_board(
    request: Request, state: StateDep, user: Reviewer, along: str = "product", step: Step = "week"
) -> Response:
    """One axis over time, and products by reasons."""

    def work(view: View) -> tuple[Any, Any]:
        axis = along if along in ALONG and along in view.axes else "lead"
        line, shown = trend(view, axis, step), buckets(view.today, step)
        cells = None
        if "product" in view.axes and "reason" in view.axes:
            cells = grid(view, "product", "reason", shown[0].first, shown[-1].end)
        return line, cells

    standing, (line, cells) = await _counted(request, state, user, "trends", work, along, step)
    view = standing.view
    first, moved = charts.begins(line), moves(line)
    table = [
        [line.title, *(series.name for series in line.series), "合计"],
        *(
            [bucket.title, *(series.counts[i].n for series in line.series), line.totals[i].n]
            for i, bucket in enumerate(line.buckets)
            if i >= first
        ),
    ]
    return _shown(
        request, "boards_trends.html", standing, trend=line, grid=cells, rows=table, step=step,
        chart=charts.bands(line), shades=charts.shades(cells) if cells else None, moved=moved,
        finding=growing(line, moved), spans=NAMED[step],
        along=[(axis, view.axes[axis].title) for axis in ALONG if axis in view.axes],
        steps=_STEPS,
    )  # fmt: skip


@router.get("/hotspots")
async def hotspots_board(request: Request, state: StateDep, user: Reviewer) -> Response:
    """Where this week is more than its own history explains."""
    standing, found = await _counted(request, state, user, "hotspots", hotspots)
    return _shown(request, "boards_hotspots.html", standing, found=found, finding=hottest(found))


@router.get("/departments")
async def departments_board(
    request: Request, state: StateDep, user: Reviewer, days: Days = 30,
    by: Literal["lead", "branch"] = "lead",
) -> Response:  # fmt: skip
    """What each department, or branch, has on its desk."""
    standing, found = await _counted(
        request, state, user, "loads", lambda v: loads(v, by, *v.since(days)), by, days
    )
    title = standing.view.axes[by].title
    return _shown(
        request, "boards_departments.html", standing, loads=found, days=days, by=by, title=title,
        spans=SPANS, finding=fullest(found),
    )  # fmt: skip


@router.get("/deadlines")
async def deadlines_board(
    request: Request, state: StateDep, user: Reviewer, days: Days = 90,
    of: str = "", by: Literal["lead", "branch"] = "lead",
) -> Response:  # fmt: skip
    """Which clocks were kept."""
    standing, found = await _counted(
        request, state, user, "deadlines", lambda v: deadlines(v, *v.since(days)), days
    )
    shown = next((board for board in found if board.code == of), None)
    if shown is None:
        shown = next((board for board in found if board.statutory), found[0] if found else None)
    return _shown(
        request, "boards_deadlines.html", standing, clocks=found, shown=shown, days=days, by=by,
        spans=SPANS, finding=kept(found),
    )  # fmt: skip


@router.get("/reviewers")
async def reviewers_board(
    request: Request, state: StateDep, user: Lead, days: Days = 30
) -> Response:
    """Who did how much, and how far two people agree."""
    standing, found = await _counted(
        request, state, user, "reviewers", lambda v: reviewers(v, *v.since(days)), days
    )
    rows = [["日期", "复核"], *([f"{day:%Y-%m-%d}", n] for day, n in found.by_day)]
    return _shown(
        request, "boards_reviewers.html", standing, found=found, days=days, spans=SPANS, rows=rows,
        chart=charts.work(found.by_day), finding=agreed(found),
    )  # fmt: skip


@router.get("/model")
async def model_board(
    request: Request, state: StateDep, user: Reviewer, days: Days = 90
) -> Response:
    """How often people say otherwise than the model, and whether its confidence holds."""
    standing, found = await _counted(
        request, state, user, "health", lambda v: health(v, *v.since(days)), days
    )
    curves = {head.head: charts.reliability(head) for head in found.heads}
    return _shown(
        request, "boards_model.html", standing, found=found, days=days, spans=SPANS, curves=curves,
        finding=sound(found),
    )  # fmt: skip
