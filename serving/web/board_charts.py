"""The boards' charts as ECharts options: plain data, each figure a link to its complaints."""

from __future__ import annotations

from typing import Any

from serving.boards.health import HeadHealth
from serving.boards.today import Today
from serving.boards.trends import OTHERS, Grid, Trend
from serving.boards.view import Count

Options = dict[str, Any]


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
                "name": "往常（近八个同日的中位数）",
                "step": "middle",
                "symbol": "none",
                "lineStyle": {"type": "dashed"},
                "data": [hour.typical for hour in board.hours],
            },
        ],
    }


def bands(trend: Trend) -> Options:
    """An axis over time, stacked."""
    return {
        "tooltip": {"trigger": "axis", "valueFormatter": "$integer", "order": "valueDesc"},
        "legend": {"type": "scroll", "top": 0, "left": 0},
        "xAxis": {"type": "category", "data": [bucket.title for bucket in trend.buckets]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "type": "bar",
                "stack": "all",
                "name": series.name,
                "barCategoryGap": "12%",
                **({"itemStyle": {"color": "$grey"}} if series.name == OTHERS else {}),
                "data": [_item(count) for count in series.counts],
            }
            for series in trend.series
        ],
    }


def heat(grid: Grid) -> Options:
    """Two axes against each other; darker is more."""
    data = [
        {"value": [x, len(grid.rows) - 1 - y, count.n], "href": count.href}
        for y, row in enumerate(grid.cells)
        for x, count in enumerate(row)
        if count.n
    ]
    most = max((count.n for row in grid.cells for count in row), default=1)
    return {
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 56, "containLabel": True},
        "tooltip": {"trigger": "item"},
        "xAxis": {
            "type": "category",
            "data": [_short(name) for _, name in grid.columns],
            "axisLabel": {"interval": 0, "rotate": 35, "width": 110, "overflow": "truncate"},
        },
        "yAxis": {"type": "category", "data": [name for _, name in reversed(grid.rows)]},
        "visualMap": {
            "min": 0, "max": most, "calculable": False, "orient": "horizontal",
            "left": "center", "bottom": 0, "itemHeight": 120, "itemWidth": 10,
            "inRange": {"color": ["$line", "$chart-1"]}, "text": ["多", "少"],
        },
        "series": [{
            "type": "heatmap", "name": "受理", "data": data,
            "itemStyle": {"borderWidth": 1, "borderColor": "$line"},
            "label": {"show": len(grid.columns) <= 16},
        }],
    }  # fmt: skip


def _short(name: str) -> str:
    """JR/T reasons all begin and end with the same words."""
    return name.removeprefix("因").removesuffix("引起的投诉")


def reliability(head: HeadHealth) -> Options:
    """What was claimed against how often people agreed; on the dashed line both are the same."""
    points = [[round(bin_.claimed, 4), round(bin_.right.value, 4)] for bin_ in head.bins]
    return {
        "tooltip": {"trigger": "item"},
        "legend": {"right": 0, "top": 0},
        "xAxis": {
            "type": "value", "min": 0, "max": 1, "name": "模型置信度", "nameLocation": "middle",
            "nameGap": 26, "axisLabel": {"formatter": "$percent"},
        },
        "yAxis": {"type": "value", "min": 0, "max": 1, "axisLabel": {"formatter": "$percent"}},
        "series": [
            {"type": "line", "name": "一致率", "symbolSize": 8, "data": points},
            {
                "type": "line", "name": "完全可信", "symbol": "none", "silent": True,
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
