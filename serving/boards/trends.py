"""Trends (趋势): one axis over time, and products by reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np

from serving.boards.epoch import day_number
from serving.boards.facts import NONE, Bools, Coded, Ints
from serving.boards.period import around
from serving.boards.view import Count, View

Step = Literal["day", "week", "month"]

# Axes one may look along, in the order in which they are offered.
ALONG: Final = ("product", "reason", "urgency", "channel", "source", "lead", "branch", "segment")
# So many bands can be told apart; the others are one.
SHOWN: Final = 6
OTHERS: Final = "其余"
_SPANS: Final = {"day": 35, "week": 26, "month": 13}


@dataclass(frozen=True, slots=True)
class Bucket:
    """The days from `first` up to `end`."""

    title: str
    first: date
    end: date


@dataclass(frozen=True, slots=True)
class Series:
    """One band: a code, or all those that are not shown by themselves."""

    code: str
    name: str
    counts: tuple[Count, ...]
    total: Count


@dataclass(frozen=True, slots=True)
class Trend:
    """An axis over time. The counts of a bucket add up to what was received in it."""

    axis: str
    title: str
    step: Step
    level: int
    buckets: tuple[Bucket, ...]
    series: tuple[Series, ...]
    totals: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Two axes against each other over some days; `cells` follow rows, then columns."""

    row_title: str
    column_title: str
    rows: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    cells: tuple[tuple[Count, ...], ...]
    total: Count


def buckets(today: date, step: Step) -> tuple[Bucket, ...]:
    """The last days, weeks (from Monday) or months up to today, the running one with them."""
    if step == "day":
        days = [today - timedelta(days=i) for i in range(_SPANS[step])]
        found = [Bucket(f"{day:%m-%d}", day, day + timedelta(days=1)) for day in days]
    elif step == "week":
        monday = today - timedelta(days=today.weekday())
        days = [monday - timedelta(weeks=i) for i in range(_SPANS[step])]
        found = [Bucket(f"{day:%m-%d} 周", day, day + timedelta(weeks=1)) for day in days]
    else:
        found, day = [], today
        for _ in range(_SPANS[step]):
            month = around(day, "month")
            found.append(Bucket(month.name, month.first, month.end))
            day = month.first - timedelta(days=1)
    return tuple(reversed(found))


def trend(view: View, axis: str, step: Step) -> Trend:
    """What was received along an axis; in a tree, one level below what the view is narrowed to."""
    level = level_of(view, axis)
    column, shown = view.column(axis, level), buckets(view.today, step)
    edges = np.array([day_number(b.first) for b in shown] + [day_number(shown[-1].end)])
    rows = view.chosen() & view.between(shown[0].first, shown[-1].end)
    place = np.searchsorted(edges, view.days()[rows], side="right") - 1
    codes = column.values[rows] + 1
    table = np.zeros((len(column.codes) + 1, len(shown)), dtype=np.int64)
    np.add.at(table, (codes, place), 1)
    largest = [int(i) for i in np.argsort(-table.sum(axis=1), kind="stable") if table[i].any()]
    names = (NONE, *column.codes)
    series = [_series(view, axis, shown, [names[i]], table[i]) for i in largest[:SHOWN]]
    if rest := largest[SHOWN:]:
        series.append(_series(view, axis, shown, [names[i] for i in rest], table[rest].sum(axis=0)))
    title = view.axes[axis].title if axis in view.axes else axis
    sums = table.sum(axis=0)
    totals = tuple(
        Count(int(n), view.received_on(b.first, b.end)) for b, n in zip(shown, sums, strict=True)
    )
    return Trend(axis, title, step, level, shown, tuple(series), totals)


def level_of(view: View, axis: str) -> int:
    """The level of a tree to show: the root's, or the one below the code that was chosen."""
    found, chosen = view.axes.get(axis), view.base.codes.get(axis, ())
    if found is None or found.head is None or not found.tree:
        return 0
    known = [found.head.path(code) for code in chosen if code in found.head.by_code]
    return min(max((len(path) for path in known), default=0) + 1, found.head.depth)


def _series(
    view: View, axis: str, shown: Iterable[Bucket], codes: list[str], row: Ints
) -> Series:  # fmt: skip
    shown = list(shown)
    narrowed = view.base.plus(**{axis: codes})
    counts = tuple(
        Count(int(n), narrowed.plus(received=view.span(b.first, b.end)))
        for b, n in zip(shown, row, strict=True)
    )
    whole = narrowed.plus(received=view.span(shown[0].first, shown[-1].end))
    name = view.axes[axis].label(codes[0]) if axis in view.axes else codes[0]
    named = (codes[0], name) if len(codes) == 1 else (",".join(codes), OTHERS)
    return Series(*named, counts, Count(int(row.sum()), whole))


def grid(view: View, row: str, column: str, first: date, end: date) -> Grid:
    """Two axes against each other: what was received from `first` up to `end`."""
    levels = {axis: level_of(view, axis) for axis in (row, column)}
    down, across = view.column(row, levels[row]), view.column(column, levels[column])
    rows = view.chosen() & view.between(first, end)
    table = cross(down, across, rows)
    inside = view.base.plus(received=view.span(first, end))
    names_down, names_across = (NONE, *down.codes), (NONE, *across.codes)
    kept_down = view.ordered(row, [c for c, t in zip(names_down, table, strict=True) if t.any()])
    kept_across = view.ordered(
        column, [c for c, t in zip(names_across, table.T, strict=True) if t.any()]
    )
    cells = tuple(
        tuple(
            Count(
                int(table[names_down.index(a), names_across.index(b)]),
                inside.plus(**{row: a, column: b}),
            )
            for b in kept_across
        )
        for a in kept_down
    )
    label_down, label_across = view.axes[row].label, view.axes[column].label
    return Grid(
        view.axes[row].title,
        view.axes[column].title,
        tuple((code, label_down(code)) for code in kept_down),
        tuple((code, label_across(code)) for code in kept_across),
        cells,
        Count(int(rows.sum()), inside),
    )


def cross(down: Coded, across: Coded, rows: Bools) -> Ints:
    """Counts (codes of `down` + 1, codes of `across` + 1), none first."""
    width = len(across.codes) + 1
    places = (down.values[rows] + 1) * width + across.values[rows] + 1
    counts = np.bincount(places, minlength=(len(down.codes) + 1) * width)
    return counts.reshape(len(down.codes) + 1, width)
