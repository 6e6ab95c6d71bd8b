"""Hot spots (热点): where this week is more than its own history explains.

A cell is a code of an axis, or a pair of codes. Its count of the last seven days is compared with
those of the eight spans of seven days before, which have the same weekdays. What is expected is
their median; how much counts scatter comes from their median deviation, never less than Poisson's,
and the median's own uncertainty is added, so the tail is Poisson's or the negative binomial's.
Over all cells that were looked at, Benjamini-Hochberg keeps false alarms to one in twenty of those
shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from serving.boards.epoch import day_number
from serving.boards.estimates import discoveries, exceedance, expected_range
from serving.boards.facts import NONE, Coded, Ints
from serving.boards.view import Count, View

DAYS: Final = 7
WEEKS: Final = 8
# Fewer complaints are nothing to call people for.
LEAST: Final = 5
FALSE_ALARMS: Final = 0.05
# With less behind it than half of the weeks, a history says nothing.
_LEAST_WEEKS: Final = 4
# Of a cell that was always empty: about what one complaint in eight weeks and a half would say.
_FLOOR: Final = 0.12
_SINGLE: Final = ("product", "reason", "lead", "branch", "source", "channel")
_PAIRS: Final = (("product", "reason"), ("product", "branch"), ("product", "channel"))


@dataclass(frozen=True, slots=True)
class HotSpot:
    """A cell far above its history: expected count with the range that 95 in 100 weeks keep to."""

    axes: tuple[str, ...]
    codes: tuple[str, ...]
    name: str
    count: Count
    expected: float
    low: int
    high: int
    p_value: float
    history: tuple[int, ...]

    @property
    def ratio(self) -> float:
        """How many times what was expected."""
        return self.count.n / self.expected


@dataclass(frozen=True, slots=True)
class HotSpots:
    """What stands out, the surest first, and how many cells were looked at over how many weeks."""

    first: date
    end: date
    spots: tuple[HotSpot, ...]
    cells: int
    weeks: int


@dataclass(frozen=True, slots=True)
class _Cell:
    axes: tuple[str, ...]
    codes: tuple[str, ...]
    now: int
    before: tuple[int, ...]


def hotspots(view: View) -> HotSpots:
    """Compare the seven days that end today with their own history."""
    end = view.today + timedelta(days=1)
    first = end - timedelta(days=DAYS)
    weeks = _weeks(view)
    cells = list(_cells(view, weeks)) if weeks >= _LEAST_WEEKS else []
    tried = [(cell, *baseline(cell.before)) for cell in cells if cell.now >= LEAST]
    p_values = [exceedance(cell.now, mean, variance) for cell, mean, variance in tried]
    believed = discoveries(p_values, FALSE_ALARMS, tests=len(cells)) if tried else []
    inside = view.base.plus(received=view.span(first, end))
    spots = [
        HotSpot(
            cell.axes,
            cell.codes,
            " × ".join(
                view.axes[axis].label(code)
                for axis, code in zip(cell.axes, cell.codes, strict=True)
            ),
            Count(cell.now, inside.plus(**dict(zip(cell.axes, cell.codes, strict=True)))),
            mean,
            *expected_range(mean, variance),
            p_value,
            cell.before,
        )
        for (cell, mean, variance), p_value, hot in zip(tried, p_values, believed, strict=True)
        if hot and cell.now > mean
    ]
    spots.sort(key=lambda spot: (spot.p_value, -spot.ratio))
    return HotSpots(first, end, tuple(spots), len(cells), weeks)


def baseline(before: tuple[int, ...]) -> tuple[float, float]:
    """What counts of earlier weeks lead one to expect: mean and variance of the next one."""
    counts = np.asarray(before, dtype=np.float64)
    # Of cells that are mostly empty the median is 0, the mean is not.
    mean = max(float(np.median(counts)), min(float(counts.mean()), 1.0), _FLOOR)
    scatter = (1.4826 * float(np.median(np.abs(counts - np.median(counts))))) ** 2
    spread = max(1.0, scatter / mean) * mean
    return mean, spread * (1.0 + math.pi / 2 / len(counts))


def _weeks(view: View) -> int:
    """How many of the spans before today's there can have been complaints in."""
    if not len(view.facts):
        return 0
    oldest = int(view.days().min())
    return min(WEEKS, max(0, (day_number(view.today) + 1 - DAYS - oldest) // DAYS))


def _cells(view: View, weeks: int) -> Iterator[_Cell]:
    end = day_number(view.today) + 1
    days = view.days()
    rows = view.chosen() & (days < end) & (days >= end - DAYS * (weeks + 1))
    # 0 is this week, 1 the one before.
    week = (end - 1 - days[rows]) // DAYS
    for axis in _SINGLE:
        found = view.axes.get(axis)
        if found is None:
            continue
        levels = range(1, found.head.depth + 1) if found.tree and found.head else [0]
        seen: set[str] = set()
        for level in levels:
            column = view.column(axis, level).take(rows)
            for cell in _single(axis, column, week, weeks):
                # A leaf that lies high stands on the levels below it too.
                if cell.codes[0] not in seen:
                    seen.add(cell.codes[0])
                    yield cell
    for pair in _PAIRS:
        if all(axis in view.axes for axis in pair):
            first, second = (
                view.column(axis, view.axes[axis].leaf_level()).take(rows) for axis in pair
            )
            yield from _paired(pair, first, second, week, weeks)


def _single(axis: str, column: Coded, week: Ints, weeks: int) -> Iterator[_Cell]:
    table = np.zeros((len(column.codes) + 1, weeks + 1), dtype=np.int64)
    np.add.at(table, (column.values + 1, week), 1)
    for code, row in zip((NONE, *column.codes), table.tolist(), strict=True):
        if any(row) and code != NONE:
            yield _Cell((axis,), (code,), row[0], tuple(row[1:]))


def _paired(
    axes: tuple[str, str],
    first: Coded,
    second: Coded,
    week: Ints,
    weeks: int,
) -> Iterator[_Cell]:
    both = (first.values >= 0) & (second.values >= 0)
    pairs = first.values[both].astype(np.int64) * len(second.codes) + second.values[both]
    there, place = np.unique(pairs, return_inverse=True)
    table = np.zeros((len(there), weeks + 1), dtype=np.int64)
    np.add.at(table, (place, week[both]), 1)
    for pair, row in zip(there.tolist(), table.tolist(), strict=True):
        codes = (first.codes[pair // len(second.codes)], second.codes[pair % len(second.codes)])
        yield _Cell(axes, codes, row[0], tuple(row[1:]))
