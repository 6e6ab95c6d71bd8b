"""GET /v1/statistics/…, for holders of the scope `audit`: what boards and reports show, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from data.errors import InputError
from serving.api.answers.base import answers
from serving.api.answers.statistics import HotSpotsAnswer, ReportAnswer, TodayAnswer, TrendAnswer
from serving.api.looking import look
from serving.api.security import AuditCaller
from serving.api.state import State, StateDep
from serving.boards.filter import CaseFilter, parse
from serving.boards.hotspots import hotspots as find_hotspots
from serving.boards.period import parse as parse_period
from serving.boards.today import today as count_today
from serving.boards.trends import ALONG, Step
from serving.boards.trends import trend as count_trend
from serving.boards.view import Count, View
from serving.reports.desk import asked, author_of, current, definition_of
from serving.reports.report import to_json

router = APIRouter(prefix="/v1/statistics", tags=["statistics"])

T = TypeVar("T")
_FILTERS = (
    "Narrowed by any filter of the list of complaints, for example `branch=…&from=2026-07-01`; "
    "see docs/reports.md."
)


async def _seen(request: Request, state: State, work: Callable[[View], T]) -> T:
    zone = state.intake.pipeline.policies.zone
    wanted = parse(request.query_params.multi_items(), zone)
    return await state.run(lambda: work(look(state, request.app.state, wanted)))


def _plain(value: Any) -> Any:
    """Counts with the filter that lists what they count; everything else as it is."""
    if isinstance(value, Count):
        return {"n": value.n, "filter": value.filter.query()}
    if isinstance(value, CaseFilter):
        return value.query()
    if is_dataclass(value) and not isinstance(value, type):
        # Their values as they are: orjson asks again for those that it does not know.
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    return str(value)


def _json(value: Any) -> Response:
    content = orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    return Response(content, media_type="application/json")


@router.get(
    "/today",
    summary="What came in today, waits, is late",
    description=_FILTERS,
    responses=answers(TodayAnswer, "The board of today"),
)
async def today(request: Request, state: StateDep, _: AuditCaller) -> Response:
    """The board of today; every number with the filter that lists the complaints behind it."""
    return _json(await _seen(request, state, count_today))


@router.get(
    "/trend",
    summary="One axis over time",
    description=_FILTERS,
    responses=answers(TrendAnswer, "Counts by span and code"),
)
async def trend(
    request: Request,
    state: StateDep,
    _: AuditCaller,
    along: Annotated[str, Query(description=f"One of {', '.join(ALONG)}.")] = "product",
    step: Step = "week",
) -> Response:
    """Counts by day, week or month along one axis."""

    def work(view: View) -> Any:
        if along not in ALONG or along not in view.axes:
            known = ", ".join(axis for axis in ALONG if axis in view.axes)
            raise InputError(f"expected one of {known}", field="along")
        return count_trend(view, along, step)

    return _json(await _seen(request, state, work))


@router.get(
    "/hotspots",
    summary="Where this week is more than expected",
    description=_FILTERS,
    responses=answers(HotSpotsAnswer, "What stands out"),
)
async def hotspots(request: Request, state: StateDep, _: AuditCaller) -> Response:
    """Codes and pairs of codes far above their own history."""
    return _json(await _seen(request, state, find_hotspots))


@router.get(
    "/report",
    summary="The statistics of a period",
    description=_FILTERS,
    responses=answers(ReportAnswer, "The report"),
)
async def report(
    request: Request,
    state: StateDep,
    caller: AuditCaller,
    period: Annotated[
        str, Query(max_length=32, description="2026, 2026Q3, 2026-07 or 2026-07-01..2026-07-15.")
    ],
    counting: Annotated[
        Literal["merged", "received"], Query(description="Duplicates once, or each.")
    ] = "merged",
    frozen: Annotated[
        bool, Query(description="As it was frozen, where it was; false counts anew.")
    ] = True,
) -> Response:
    """All tables, reconciled; with `frozen` the snapshot that was told, and its corrections."""
    pipeline, wanted = state.intake.pipeline, parse_period(period)
    definition = definition_of(state.settings, pipeline, request.app.state)

    def work(view: View) -> Any:
        author = author_of(caller.actor, pipeline, view)
        made = current(
            view, wanted, definition, author, request.app.state, merged=counting == "merged"
        )
        found = asked(state.intake.store.session, made)
        shown = found.report if frozen else found.current
        snapshot = found.frozen
        told = None
        if snapshot is not None:
            told = {
                "number": snapshot.number,
                "frozen_at": snapshot.frozen_at.isoformat(),
                "frozen_by": snapshot.frozen_by,
                "sha256": snapshot.sha256,
                "corrections": len(found.corrections),
            }
        return {**to_json(shown), "snapshot": told}

    return _json(await _seen(request, state, work))
