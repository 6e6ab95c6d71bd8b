"""Filters in words, and as hidden fields: those that the list of complaints has no field for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from serving.boards.filter import CaseFilter, ClockIs, Span
from serving.boards.view import View

# Axes that the list has a field for.
OFFERED: Final = (
    "product", "reason", "urgency", "lead", "branch", "source", "channel", "segment",
    "status", "review",
)  # fmt: skip
_STATES: Final = {
    "in_time": "按时完成", "late": "逾期完成", "running": "进行中", "overdue": "已逾期未完成",
    "met": "已完成", "open": "未完成", "any": "适用",
}  # fmt: skip
_CLOCKS: Final = {"statutory": "法定时限", "internal": "内部时限", "any": "任一时限"}
_SWITCHES: Final = {
    "automatic": ("自动分派", "经人工复核"),
    "audit": ("抽检", "非抽检"),
    "bounced": ("曾被退回", "未被退回"),
    "merged": ("已并入其他投诉", "未并入其他投诉"),
}
_VERDICTS: Final = {"kept": "人工认可", "changed": "人工改动", "any": "经人工判断"}
_TIMES: Final = {"received": "收到", "accepted": "受理", "resolved": "办结"}


def hidden(base: CaseFilter) -> list[tuple[str, str]]:
    """What has no field of its own and must outlive a change of those that have."""
    kept = CaseFilter(
        {name: codes for name, codes in base.codes.items() if name not in OFFERED},
        {name: span for name, span in base.times.items() if name != "received"},
        base.switches,
        base.flags,
        base.clocks,
        base.judged,
    )
    pairs = (pair.partition("=") for pair in kept.query().split("&") if pair)
    return [(name, value) for name, _, value in pairs]


def told(view: View) -> list[str]:
    """The filters that no field shows, in words."""
    return list(_told(view))


def _told(view: View) -> Iterator[str]:
    base, axes = view.base, view.axes
    for name, codes in base.codes.items():
        if name in axes and (name not in OFFERED or len(codes) > 1):
            yield f"{axes[name].title}：{'、'.join(axes[name].label(code) for code in codes)}"
    for name, on in base.switches.items():
        yield _SWITCHES[name][0 if on else 1]
    if base.flags:
        yield f"标识：{'、'.join(axes.flags.get(code, code) for code in base.flags)}"
    for clock in base.clocks:
        yield _clock(view, clock)
    for head, verdict in base.judged:
        yield f"{_titled(view, head)}：{_VERDICTS[verdict]}"
    for name, span in base.times.items():
        if name != "received" or not _whole_days(view, span):
            yield _span(view, span, _TIMES[name])


def _titled(view: View, head: str) -> str:
    """The title of a head of the taxonomy."""
    axes = (view.axes[name] for name in OFFERED if name in view.axes)
    return next((axis.title for axis in axes if axis.head and axis.head.name == head), head)


def _clock(view: View, clock: ClockIs) -> str:
    name = _CLOCKS.get(clock.clock) or view.axes.clock(clock.clock)
    within = clock.within
    return f"{name}：{f'{within} 日内到期' if within else _STATES[clock.state]}"


def _whole_days(view: View, span: Span) -> bool:
    edges = [at.astimezone(view.zone) for at in (span.first, span.end) if at is not None]
    return all((at.hour, at.minute, at.second) == (0, 0, 0) for at in edges)


def _span(view: View, span: Span, title: str) -> str:
    first, end = (
        f"{at.astimezone(view.zone):%Y-%m-%d %H:%M}" if at else "" for at in (span.first, span.end)
    )
    return f"{title}：{first} 至 {end}（不含）"
