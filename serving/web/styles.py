"""/ui/_styles: every component once, for those who build pages."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from serving.web.auth import Admin
from serving.web.frame import page, router_for

router = router_for("/_styles")

_DAYS = [f"11-{day:02d}" for day in range(9, 23)]
_CAME = [212, 198, 240, 251, 233, 187, 164, 221, 246, 262, 258, 239, 201, 176]
_LATE = [6, 4, 9, 12, 7, 3, 2, 5, 8, 14, 11, 6, 4, 3]
_LINES: dict[str, Any] = {
    "tooltip": {"trigger": "axis"},
    "legend": {"top": 0, "right": 0},
    "xAxis": {"type": "category", "data": _DAYS},
    "yAxis": {"type": "value"},
    "series": [
        {"name": "受理", "type": "line", "data": _CAME},
        {"name": "超时", "type": "line", "data": _LATE, "color": "$red"},
    ],
}
_BARS: dict[str, Any] = {
    "tooltip": {"trigger": "axis", "valueFormatter": "$integer"},
    "xAxis": {"type": "value", "axisLabel": {"formatter": "$integer"}},
    "yAxis": {"type": "category", "data": ["城东支行", "城西支行", "高新支行", "南湖支行"]},
    "series": [{"type": "bar", "data": [{"value": n, "href": "/ui"} for n in (42, 57, 80, 112)]}],
}


@router.get("")
async def styles(request: Request, _: Admin) -> Response:
    """Invented figures throughout."""
    rows = [["日期", "受理", "超时"], *map(list, zip(_DAYS, _CAME, _LATE, strict=True))]
    return page(request, "styles.html", lines=_LINES, bars=_BARS, rows=rows)
