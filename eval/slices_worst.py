"""Find the slices in which a model falls furthest behind itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval import weighted
from eval.metrics import Figure
from eval.significance import Resampling
from eval.slices import Slice, SliceMeans, Where

# Slices that share more than this of their texts (Jaccard) are one finding.
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How far a slice's mean lies under that of all texts, on the texts and on each draw."""

    cut: Slice
    value: float
    overall: float
    low: float
    high: float

    @property
    def figure(self) -> Figure:
        """The shortfall with its interval."""
        return Figure(self.overall - self.value, self.low, self.high)


def worst(
    found: Sequence[Slice], right: NDArray[np.float64], resampling: Resampling, count: int
) -> list[Shortfall]:
    """The `count` slices with the largest certain shortfall of `right` (n,), NaN = not labelled.

    Certain is the lower end of the paired 95 % interval: by the upper end, the smallest slices
    would always lead. A pair that is no worse than both of its attributes alone says nothing new
    and is left out, and so is what holds more than half of all texts. Of many slices some look bad
    by chance; the interval is of each by itself.
    """
    plain = np.ones(len(right))
    overall = weighted.mean(right, plain)
    means = SliceMeans(found, right)(plain)
    gaps = {cut.where: overall - float(mean) for cut, mean in zip(found, means, strict=True)}
    telling = [
        cut
        for cut in found
        if gaps[cut.where] > 0 and 2 * len(cut.rows) <= len(right) and _adds(cut.where, gaps)
    ]
    telling.sort(key=lambda cut: -_roughly_certain(gaps[cut.where], len(cut.rows)))
    shortlist = telling[: 5 * count]
    shortfalls = [
        Shortfall(cut, overall - gaps[cut.where], overall, float(low), float(high))
        for cut, (low, high) in zip(
            shortlist, _intervals(shortlist, right, resampling), strict=True
        )
    ]
    shortfalls.sort(key=lambda s: (-s.low, s.cut.where))
    return _distinct(shortfalls, count)


def _distinct(ranked: Sequence[Shortfall], count: int) -> list[Shortfall]:
    """The first `count` without those that are nearly the same texts under another name."""
    kept: list[Shortfall] = []
    for each in ranked:
        rows = set(each.cut.rows.tolist())
        if len(kept) < count and not any(_alike(rows, set(o.cut.rows.tolist())) for o in kept):
            kept.append(each)
    return kept


def _alike(one: set[int], other: set[int]) -> bool:
    return len(one & other) > _ALIKE * len(one | other)


def _adds(where: Where, gaps: Mapping[Where, float]) -> bool:
    if len(where) == 1:
        return True
    return all(gaps[where] > gaps.get((one,), 0.0) for one in where)


def _roughly_certain(gap: float, n: int) -> float:
    """Only to choose which slices are worth resampling."""
    return gap - 1.0 / math.sqrt(n)


def _intervals(
    found: Sequence[Slice], right: NDArray[np.float64], resampling: Resampling
) -> NDArray[np.float64]:
    """95 % interval of the shortfall of every slice, (slices, 2)."""
    means = SliceMeans(found, right)
    drawn = [weighted.mean(right, weights) - means(weights) for weights in resampling]
    if not found:
        return np.zeros((0, 2))
    return np.asarray(np.nanpercentile(np.array(drawn), [2.5, 97.5], axis=0).T)
