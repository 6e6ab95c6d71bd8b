"""What a board says, in one sentence: the figures' answer to the title's question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serving.boards.deadlines import ClockBoard
from serving.boards.departments import Load
from serving.boards.estimates import exceedance
from serving.boards.health import Health
from serving.boards.hotspots import HotSpots
from serving.boards.reviewers import Reviewers
from serving.boards.today import Today
from serving.boards.trends import Series, Step, Trend
from serving.boards.view import Count

# So unlikely by chance that it is worth a word; counts of days scatter more than Poisson's.
_UNLIKELY, _SPREAD = 0.01, 1.5
# Spans of a step that the last whole one is compared with, and what all of them are called.
_BEFORE: Final[dict[Step, int]] = {"day": 7, "week": 4, "month": 3}
NAMED: Final[dict[Step, tuple[str, str, str]]] = {
    "day": ("今日至今", "昨日", "此前 7 日平均"),
    "week": ("本周至今", "上周", "此前 4 周平均"),
    "month": ("本月至今", "上月", "此前 3 个月平均"),
}
"""The running span, the last whole one, and those before it."""


def _against(n: int, usual: float) -> int:
    """1 where `n` is far more than usual, -1 where it is far less, else 0."""
    if usual <= 0:
        return 0
    if exceedance(n, usual, _SPREAD * usual) < _UNLIKELY:
        return 1
    return -1 if exceedance(n + 1, usual, _SPREAD * usual) > 1 - _UNLIKELY else 0


def busy(board: Today) -> str:
    """Whether today is like other days."""
    n, usual = board.received.n, board.typical_so_far
    if usual < 1:
        return f"今日受理 {n:,} 件，尚无足够的往常数据可比"
    said = ("与往常相当", "明显多于往常", "明显少于往常")[_against(n, usual)]
    return f"今日至今 {n:,} 件，往常同一时段约 {usual:,.0f} 件，{said}"


def hottest(found: HotSpots) -> str:
    """The first of the hot spots, or that there is none."""
    if found.weeks < 4:
        return "历史不足四周，暂不能判断"
    if not found.spots:
        return f"近七天没有异常突增（检视 {found.cells:,} 个组合）"
    first = found.spots[0]
    usual = f"为往常的 {first.ratio:.1f} 倍" if first.expected >= 1 else "往常几乎没有"
    return (
        f"{len(found.spots)} 处突增，最明显的是“{first.name}”，近七天 {first.count.n} 件，{usual}"
    )


@dataclass(frozen=True, slots=True)
class Move:
    """A band's last whole span against the mean of those before it; `usual` is None without any.

    `unlike` is 1 or -1 where chance alone hardly explains it.
    """

    series: Series
    running: Count
    last: Count
    usual: float | None
    unlike: int

    @property
    def change(self) -> float | None:
        """How much more than usual, of what is usual; None where that is next to nothing."""
        return self.last.n / self.usual - 1 if self.usual is not None and self.usual >= 1 else None


def moves(trend: Trend) -> list[Move]:
    """All bands of a trend, in their order."""
    sums = [total.n for total in trend.totals]
    began = next((place for place, n in enumerate(sums) if n), len(sums))
    # The span in which records begin is not a whole one.
    first = max(began + 1, len(sums) - 2 - _BEFORE[trend.step])
    return [_move(series, slice(first, len(sums) - 2)) for series in trend.series]


def _move(series: Series, before: slice) -> Move:
    counts = [count.n for count in series.counts[before]]
    usual = sum(counts) / len(counts) if counts else None
    last = series.counts[-2]
    return Move(series, series.counts[-1], last, usual, _against(last.n, usual or 0.0))


def growing(trend: Trend, moved: Sequence[Move]) -> str:
    """What is more than it used to be."""
    _, last, before = NAMED[trend.step]
    known = [move for move in moved if move.usual is not None]
    if not known:
        return "记录还不够长，暂不能比较"
    n, usual = sum(move.last.n for move in known), sum(move.usual or 0.0 for move in known)
    told = f"{last}受理 {n:,} 件，{before} {usual:,.0f} 件"
    more = [move for move in known if move.unlike > 0]
    if not more:
        return f"{told}；没有哪一类明显增加"
    most = max(more, key=lambda move: move.last.n - (move.usual or 0.0))
    return f"{told}；增加最明显的是“{most.series.name}”，{most.last.n:,} 件"


def fullest(loads: Sequence[Load]) -> str:
    """Who has most on the desk, and how much is late in all."""
    standing = sum(load.open.n for load in loads)
    if not standing:
        return "没有未办结的投诉"
    late = sum(load.overdue.n for load in loads)
    most = max(loads, key=lambda load: load.open.n)
    told = f"未办结 {standing:,} 件，最多的是{most.name}，{most.open.n:,} 件"
    return f"{told}；法定时限已逾期 {late:,} 件" if late else f"{told}；法定时限没有逾期"


def kept(clocks: Sequence[ClockBoard]) -> str:
    """How the statutory clocks were kept, the worst of them by name."""
    known = [clock for clock in clocks if clock.statutory and clock.whole.rate.n]
    if not known:
        return "所选时段没有可计算按时率的法定时限"
    worst = min(known, key=lambda clock: clock.whole.rate.value)
    late = sum(clock.whole.overdue.n for clock in known)
    told = f"法定时限中按时率最低的是“{worst.name}”，{worst.whole.rate.value:.1%}"
    return f"{told}；现有 {late:,} 件已逾期未完成" if late else f"{told}；现无逾期未完成"


def agreed(found: Reviewers) -> str:
    """How much was reviewed, and how far two people agree."""
    if not found.people:
        return "所选时段无人复核"
    done = sum(n for _, n in found.by_day)
    told = f"{len(found.people)} 人复核 {done:,} 件"
    pairs = [item for item in found.agreement if item.kappa]
    if not pairs:
        return f"{told}，尚无两人各自判断的投诉"
    least = min(pairs, key=lambda item: item.kappa.observed if item.kappa else 1.0)
    share = least.kappa.observed if least.kappa else 1.0
    if share == 1.0:
        return f"{told}；两人各自判断的都一致"
    return f"{told}；两人意见最不一致的是{least.title}，一致率 {share:.1%}"


def sound(found: Health) -> str:
    """How much of all that came in people would change, and whether it is what it used to be."""
    shifted = [drift.title for drift in found.drift if drift.state == "shift"]
    told = f"来件有明显变化：{'、'.join(shifted)}" if shifted else "来件没有明显变化"
    drawn = [head for head in found.heads if head.unbiased.n]
    if not drawn:
        return f"还没有随机抽检，不能估计全部投诉的改动率；{told}"
    worst = max(drawn, key=lambda head: head.unbiased.value)
    rate = worst.unbiased
    share = f"{rate.value:.1%}（{rate.low:.1%}–{rate.high:.1%}）"
    return f"据抽检，全部投诉中{worst.title}约 {share}需改动，各维度中最多；{told}"
