"""Model health (模型健康): how often people say otherwise, whether its confidence holds, drift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from serving.boards.epoch import day_number
from serving.boards.estimates import Share, stability, weighted, wilson
from serving.boards.facts import Bools, Ints
from serving.boards.judged import Judged
from serving.boards.reviewers import title_of
from serving.boards.view import Count, View

_EDGES: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
# The usual reading of the index: below 0.1 nothing, above 0.25 a shift (Siddiqi 2006).
WATCH, SHIFT = 0.1, 0.25
_RECENT, _BEFORE = 28, 91
_DRIFT: Final = ("product", "reason", "urgency", "source", "channel", "lead")


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of some confidence: what the model claimed, and how often people agreed."""

    low: float
    high: float
    claimed: float
    right: Share


@dataclass(frozen=True, slots=True)
class HeadHealth:
    """One head. `reviewed` are all that people looked at, hard ones first; `unbiased` only those
    drawn at random, each weighted by how likely it was to be drawn.
    """

    head: str
    title: str
    reviewed: Share
    changed: Count
    judged: Count
    unbiased: Share
    bins: tuple[Bin, ...]

    @property
    def gap(self) -> float:
        """Expected calibration error over the bins; NaN without any answer."""
        n = sum(item.right.n for item in self.bins)
        if not n:
            return math.nan
        return sum(abs(i.claimed - i.right.value) * i.right.n for i in self.bins) / n


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the last four weeks differ from the thirteen before along one axis."""

    axis: str
    title: str
    index: float
    recent: int
    before: int

    @property
    def state(self) -> str:
        """stable, watch or shift; unknown where there is too little on either side."""
        if math.isnan(self.index):
            return "unknown"
        return "shift" if self.index >= SHIFT else "watch" if self.index >= WATCH else "stable"


@dataclass(frozen=True, slots=True)
class Health:
    """The model as people and figures see it."""

    heads: tuple[HeadHealth, ...]
    drift: tuple[Drift, ...]
    versions: tuple[tuple[str, Count], ...]
    automatic: Count
    received: Count


def health(view: View, first: date, end: date) -> Health:
    """What was received from `first` up to `end`, judged whenever; drift as of today."""
    inside = view.chosen() & view.between(first, end)
    wanted = view.received_on(first, end)
    versions = view.facts["model"].counts(inside)
    return Health(
        tuple(_head(view, head, inside, first, end) for head in view.board.judged.heads),
        (*(_drift(view, axis) for axis in _DRIFT if axis in view.axes), _confidence(view)),
        tuple(
            (code, Count(n, wanted.plus(model=code)))
            for code, n in sorted(versions.items(), key=lambda item: -item[1])
        ),
        Count(int((inside & view.facts.automatic).sum()), wanted.plus(automatic=True)),
        Count(int(inside.sum()), wanted),
    )


def _head(view: View, head: str, inside: Bools, first: date, end: date) -> HeadHealth:
    judged = view.board.judged
    rows = judged.holding(head)
    rows = rows[judged.model_code.values[rows] >= 0]
    cases = view.facts.rows_of(judged.subject[rows])
    rows = rows[(cases >= 0) & inside[cases]] if len(view.facts) else rows[:0]
    changed = judged.changed(rows)
    wanted = view.received_on(first, end)
    drawn = ~np.isnan(judged.inclusion[rows]) & (judged.inclusion[rows] < 1.0)
    return HeadHealth(
        head,
        title_of(view, head),
        wilson(int(changed.sum()), len(rows)),
        Count(int(changed.sum()), wanted.judgement(head, "changed")),
        Count(len(rows), wanted.judgement(head, "any")),
        weighted(changed[drawn], judged.inclusion[rows][drawn]),
        _bins(judged, rows, ~changed),
    )


def _bins(judged: Judged, rows: Ints, right: Bools) -> tuple[Bin, ...]:
    claimed = judged.confidence[rows]
    known = ~np.isnan(claimed)
    place = np.clip(np.searchsorted(_EDGES, claimed, side="right") - 1, 0, len(_EDGES) - 2)
    found = []
    for number in range(len(_EDGES) - 1):
        here = known & (place == number)
        if n := int(here.sum()):
            share = wilson(int(right[here].sum()), n)
            mean = float(claimed[here].mean())
            found.append(Bin(_EDGES[number], _EDGES[number + 1], mean, share))
    return tuple(found)


def _halves(view: View) -> tuple[Bools, Bools]:
    end = view.today + timedelta(days=1)
    middle = end - timedelta(days=_RECENT)
    chosen, days = view.chosen(), view.days()
    recent = chosen & (days >= day_number(middle)) & (days < day_number(end))
    start = day_number(middle - timedelta(days=_BEFORE))
    return recent, chosen & (days >= start) & (days < day_number(middle))


def _drift(view: View, axis: str) -> Drift:
    recent, before = _halves(view)
    column = view.column(axis, 1)
    size = len(column.codes) + 1
    counts = [np.bincount(column.values[rows] + 1, minlength=size) for rows in (before, recent)]
    return _compared(axis, view.axes[axis].title, counts[0], counts[1])


def _confidence(view: View) -> Drift:
    recent, before = _halves(view)
    counts = [np.histogram(view.facts.confidence[rows], _EDGES)[0] for rows in (before, recent)]
    return _compared("confidence", "模型置信度", counts[0], counts[1])


def _compared(axis: str, title: str, before: Ints, recent: Ints) -> Drift:
    there = (before + recent) > 0
    sizes = int(recent.sum()), int(before.sum())
    # Of few complaints the index is noise: its expectation is about bins / n.
    enough = min(sizes) >= 20 * max(int(there.sum()), 1)
    index = stability(before[there], recent[there]) if enough else math.nan
    return Drift(axis, title, index, *sizes)
