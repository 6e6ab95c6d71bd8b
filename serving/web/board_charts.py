"""The boards' charts as ECharts options: plain data, each figure a link to its complaints."""

from __future__ import annotations

import math
from typing import Any, Final

from serving.boards.health import HeadHealth
from serving.boards.today import Today
from serving.boards.trends import OTHERS, Grid, Trend
from serving.boards.view import Count

Options = dict[str, Any]

_SHADES: Final = 5
# Fewer bars than these look like a mistake.
_FEWEST: Final = 8
_DAYS: Final = ("一", "二", "三", "四", "五", "六", "日")


def _item(count: Count) -> dict[str, Any]:
    return {"value": count.n, "href": count.href}


def days(board: Today) -> Options:
    """The last two weeks, day by day."""
    return {
        "tooltip": {"trigger": "axis", "valueFormatter": "$integer"},
        "xAxis": {"type": "category", "data": [f"{day:%m-%d}" for day, _ in board.days]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [{"type": "bar", "name": "受理", "data": [_item(n) for _, n in board.days]}],
    }


def hours(board: Today) -> Options:
    """Today hour by hour, beside what like weekdays had."""
    return {
        "tooltip": {"trigger": "axis", "valueFormatter": "$decimal"},
        "legend": {"right": 0, "top": 0},
        "xAxis": {"type": "category", "data": [f"{hour.hour}时" for hour in board.hours]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {"type": "bar", "name": "今日", "data": [_item(hour.count) for hour in board.hours]},
            {
                "type": "line",
                "name": f"往常（近 8 个星期{_DAYS[board.day.weekday()]}的中位数）",
                "step": "middle",
                "symbol": "none",
                "lineStyle": {"type": "dashed"},
                "data": [hour.typical for hour in board.hours],
            },
        ],
    }


def begins(trend: Trend) -> int:
    """The first span that has anything, or an earlier one where that leaves too few to see."""
    first = next((place for place, total in enumerate(trend.totals) if total.n), 0)
    return max(0, min(first, len(trend.totals) - _FEWEST))


def bands(trend: Trend) -> Options:
    """An axis over time, stacked; the running span is paler."""
    first = begins(trend)
    return {
        "tooltip": {"trigger": "axis", "valueFormatter": "$integer", "order": "valueDesc"},
        "legend": {"type": "scroll", "top": 0, "left": 0},
        "xAxis": {"type": "category", "data": [bucket.title for bucket in trend.buckets[first:]]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "type": "bar",
                "stack": "all",
                "name": series.name,
                "barCategoryGap": "12%",
                **({"itemStyle": {"color": "$grey"}} if series.name == OTHERS else {}),
                "data": [
                    *map(_item, series.counts[first:-1]),
                    {**_item(series.counts[-1]), "itemStyle": {"opacity": 0.5}},
                ],
            }
            for series in trend.series
        ],
    }


def shades(grid: Grid) -> list[list[int]]:
    """How dark each cell is, 0 (none) to 5 (the most); by the root, for most cells are small."""
    most = max((count.n for row in grid.cells for count in row), default=0) or 1
    return [[math.ceil(_SHADES * math.sqrt(count.n / most)) for count in row] for row in grid.cells]


def reliability(head: HeadHealth) -> Options:
    """What was claimed against how often people agreed; on the dashed line both are the same."""
    points = [[round(bin_.claimed, 4), round(bin_.right.value, 4)] for bin_ in head.bins]
    return {
        "tooltip": {"trigger": "item"},
        "legend": {"right": 0, "top": 0},
        # The axis' name stands below what its labels take.
        "grid": {"left": 8, "right": 24, "top": 36, "bottom": 28, "containLabel": True},
        "xAxis": {
            "type": "value", "min": 0, "max": 1, "name": "模型置信度", "nameLocation": "middle",
            "nameGap": 26, "axisLabel": {"formatter": "$percent"},
        },
        "yAxis": {"type": "value", "min": 0, "max": 1, "axisLabel": {"formatter": "$percent"}},
        "series": [
            {"type": "line", "name": "人工一致率", "symbolSize": 8, "data": points},
            {
                "type": "line", "name": "完全相符", "symbol": "none", "silent": True,
                "lineStyle": {"type": "dashed", "width": 1}, "data": [[0, 0], [1, 1]],
            },
        ],
    }  # fmt: skip


def work(by_day: tuple[tuple[Any, int], ...]) -> Options:
    """Complaints reviewed, day by day."""
    return {
        "tooltip": {"trigger": "axis", "valueFormatter": "$integer"},
        "xAxis": {"type": "category", "data": [f"{day:%m-%d}" for day, _ in by_day]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [{"type": "bar", "name": "复核", "data": [n for _, n in by_day]}],
    }
