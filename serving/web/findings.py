"""What a board says, in one sentence: the figures' answer to the title's question."""

from __future__ import annotations

from serving.boards.estimates import exceedance
from serving.boards.hotspots import HotSpots
from serving.boards.today import Today

# So unlikely by chance that it is worth a word; counts of days scatter more than Poisson's.
_UNLIKELY, _SPREAD = 0.01, 1.5


def busy(board: Today) -> str:
    """Whether today is like other days."""
    n, usual = board.received.n, board.typical_so_far
    if usual < 1:
        return f"今日受理 {n:,} 件，尚无足够的往常数据可比"
    more = exceedance(n, usual, _SPREAD * usual) < _UNLIKELY
    fewer = exceedance(n + 1, usual, _SPREAD * usual) > 1 - _UNLIKELY
    said = "明显多于往常" if more else "明显少于往常" if fewer else "与往常相当"
    return f"今日至今 {n:,} 件，往常同一时段约 {usual:,.0f} 件，{said}"


def hottest(found: HotSpots) -> str:
    """The first of the hot spots, or that there is none."""
    if found.weeks < 4:
        return "历史不足四周，暂不能判断"
    if not found.spots:
        return f"近七天没有异常突增（检视 {found.cells:,} 个组合）"
    first = found.spots[0]
    usual = f"为往常的 {first.ratio:.1f} 倍" if first.expected >= 1 else "往常几乎没有"
    return f"{len(found.spots)} 处突增，最明显的是“{first.name}”，本周 {first.count.n} 件，{usual}"
