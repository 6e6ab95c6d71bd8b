"""Numbers about predictions, in numpy: they also run where scikit-learn is not installed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.classifier import Floats


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % percentile bootstrap interval over texts."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(
    n: int, statistic: Callable[[NDArray[np.intp]], float], *, draws: int = 1000, seed: int = 0
) -> Figure:
    """A statistic of the rows 0..n-1 with its interval; `statistic` takes row numbers."""
    everything = np.arange(n)
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, n, n)) for _ in range(draws)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(statistic(everything), float(low), float(high))


def mean_figure(values: Sequence[bool] | NDArray[np.bool_]) -> Figure:
    """The share of true values."""
    array = np.asarray(values, dtype=np.float64)
    return bootstrap(len(array), lambda rows: float(array[rows].mean()))


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One label: how many texts carry it, and precision, recall and F1 on it."""

    support: int
    precision: float
    recall: float
    f1: float


def class_scores(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, ClassScore]:
    """Scores of every label that is in `gold` or `predicted`."""
    pairs = Counter(zip(gold, predicted, strict=True))
    in_gold, in_predicted = Counter(gold), Counter(predicted)
    scores = {}
    for code in sorted(in_gold | in_predicted):
        hits = pairs[code, code]
        precision = hits / in_predicted[code] if in_predicted[code] else 0.0
        recall = hits / in_gold[code] if in_gold[code] else 0.0
        total = precision + recall
        f1 = 2 * precision * recall / total if total else 0.0
        scores[code] = ClassScore(in_gold[code], precision, recall, f1)
    return scores


def macro_f1(gold: NDArray[np.intp], predicted: NDArray[np.intp]) -> float:
    """Mean F1 over the labels that stand in `gold`; labels only predicted lower precision."""
    size = int(max(gold.max(), predicted.max())) + 1
    hits = np.bincount(gold[gold == predicted], minlength=size)
    in_gold = np.bincount(gold, minlength=size)
    in_predicted = np.bincount(predicted, minlength=size)
    f1 = 2 * hits / np.maximum(in_gold + in_predicted, 1)
    return float(f1[in_gold > 0].mean())


def confusions(gold: Sequence[str], predicted: Sequence[str]) -> list[tuple[str, str, int]]:
    """Wrong pairs (gold, predicted, count), the most frequent first."""
    wrong = Counter((g, p) for g, p in zip(gold, predicted, strict=True) if g != p)
    return [(g, p, n) for (g, p), n in wrong.most_common()]


def calibration_error(confidence: Floats, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error over equal-count bins (Nguyen & O'Connor 2015)."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(confidence[p].mean() - right[p].mean()) * len(p) for p in parts]
    return float(sum(gaps) / len(confidence))


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa of two annotators over the same items."""
    n = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    left, right = Counter(first), Counter(second)
    expected = sum(left[code] * right[code] for code in left) / n**2
    return (observed - expected) / (1 - expected) if expected < 1 else 1.0
