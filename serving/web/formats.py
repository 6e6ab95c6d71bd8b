"""How times and numbers are written for Chinese readers: filters of all templates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from data.pii.mask import mask

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOTHING = "—"

_AGO = ((86_400, "天"), (3_600, "小时"), (60, "分钟"))


def local(at: datetime) -> datetime:
    """The time on a clock in China; a time without zone is UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(SHANGHAI)


def when(at: datetime | None) -> str:
    """2026-11-22 16:05"""
    return local(at).strftime("%Y-%m-%d %H:%M") if at else NOTHING


def day(at: datetime | None) -> str:
    """2026-11-22"""
    return local(at).strftime("%Y-%m-%d") if at else NOTHING


def moment(at: datetime | None) -> str:
    """11-22 16:05: where the year is plain from around it."""
    return local(at).strftime("%m-%d %H:%M") if at else NOTHING


def iso(at: datetime | None) -> str:
    """For the attribute `datetime` of <time>."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def span(seconds: float) -> str:
    """2 天 3 小时; 45 分钟; 不足 1 分钟. The sign is left out."""
    left, parts = int(abs(seconds)), []
    for size, unit in _AGO:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or "不足 1 分钟"


def brief(seconds: float) -> str:
    """2 天; 3 小时; 45 分钟: where a column has room for one unit."""
    left = int(abs(seconds))
    return next((f"{left // size} {unit}" for size, unit in _AGO if left >= size), "不足 1 分钟")


def relative(at: datetime | None, now: datetime) -> str:
    """2 小时前; 还有 3 天."""
    if at is None:
        return NOTHING
    seconds = (at - now).total_seconds()
    return f"还有 {span(seconds)}" if seconds > 0 else f"{span(seconds)}前"


def number(value: float | None, digits: int = 0) -> str:
    """12,345; 0.87 with two digits."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """87.5%, of a share between 0 and 1."""
    return NOTHING if share is None else f"{share * 100:.{digits}f}%"


def masked(text: str | None) -> str:
    """With personal data masked."""
    return mask(text).text if text else ""


_BROWSERS = (
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def device(agent: str) -> str:
    """Chrome · Windows, of a User-Agent."""
    found = [
        next((name for mark, name in names if mark in agent), None)
        for names in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(name for name in found if name) or "未知设备"


FILTERS: dict[str, Callable[..., Any]] = {
    "brief": brief,
    "day": day,
    "device": device,
    "iso": iso,
    "masked": masked,
    "moment": moment,
    "number": number,
    "percent": percent,
    "relative": relative,
    "span": span,
    "when": when,
}
