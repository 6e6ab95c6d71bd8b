"""The metrics of texts that count several times each, as every bootstrap draw has them.

`weights` is (n,), non-negative. A metric of texts without any weight is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Bools = NDArray[np.bool_]
Numbers = NDArray[np.floating]
Indices = NDArray[np.intp]


def mean(values: Numbers | Bools, weights: Weights) -> float:
    """Weighted mean of `values` (n,), NaN entries left out."""
    known = ~np.isnan(values)
    total = float(weights[known].sum())
    return float(values[known] @ weights[known]) / total if total else float("nan")


def f1_scores(gold: Indices, predicted: Indices, weights: Weights) -> dict[str, float]:
    """Macro (labels that stand in `gold`), micro and weighted F1 of column numbers (n,)."""
    size = int(max(gold.max(), predicted.max())) + 1 if len(gold) else 0
    hit = gold == predicted
    hits = np.bincount(gold[hit], weights=weights[hit], minlength=size)
    in_gold = np.bincount(gold, weights=weights, minlength=size)
    in_predicted = np.bincount(predicted, weights=weights, minlength=size)
    f1 = np.divide(2 * hits, in_gold + in_predicted, out=np.zeros(size), where=hits > 0)
    total = in_gold.sum()
    if not total:
        return dict.fromkeys(("macro_f1", "micro_f1", "weighted_f1"), float("nan"))
    return {
        "macro_f1": float(f1[in_gold > 0].mean()),
        # Every text has one label and one answer, so precision, recall and accuracy are one.
        "micro_f1": float(hits.sum() / total),
        "weighted_f1": float(f1 @ in_gold / total),
    }


def calibration_error(
    confidence: Numbers, right: Numbers | Bools, weights: Weights, bins: int = 10
) -> float:
    """Expected calibration error over bins of equal weight; `confidence` (n,) ascends."""
    total = float(weights.sum())
    if not total:
        return float("nan")
    middle = np.cumsum(weights) - weights / 2
    bin_of = np.minimum((middle / total * bins).astype(np.intp), bins - 1)
    gap = np.bincount(bin_of, weights=weights * (confidence - right), minlength=bins)
    return float(np.abs(gap).sum() / total)


def risk_coverage(
    confidence: Numbers, right: Bools, weights: Weights
) -> tuple[Numbers, Numbers, Numbers]:
    """Coverage, risk and threshold (points,) as the threshold sinks; `confidence` ascends.

    Texts of one confidence are answered together or not at all.
    """
    falling, wrong, counts = confidence[::-1], ~right[::-1], weights[::-1]
    last = np.append(falling[1:] != falling[:-1], True) if len(falling) else np.zeros(0, bool)
    covered = np.cumsum(counts)
    last &= covered > 0
    risk = np.cumsum(counts * wrong)[last] / covered[last]
    return covered[last] / max(float(weights.sum()), 1e-12), risk, falling[last]


def area_under_risk(coverage: Numbers, risk: Numbers) -> float:
    """AURC (Geifman & El-Yaniv 2017): mean risk over coverage, each step at its own risk."""
    if not len(coverage):
        return float("nan")
    return float(np.diff(coverage, prepend=0.0) @ risk)


def coverage_at(coverage: Numbers, risk: Numbers, precision: float) -> float:
    """The largest coverage at which at least `precision` is right; 0 if at none."""
    kept = coverage[risk <= 1.0 - precision + 1e-12]
    return float(kept[-1]) if len(kept) else 0.0


def quadratic_kappa(gold: Indices, predicted: Indices, levels: int, weights: Weights) -> float:
    """Cohen's kappa with squared distances between `levels` ordered labels (Cohen 1968)."""
    total = float(weights.sum())
    if not total:
        return float("nan")
    cells = np.bincount(gold * levels + predicted, weights=weights, minlength=levels**2)
    observed = cells.reshape(levels, levels) / total
    apart = np.subtract.outer(np.arange(levels), np.arange(levels)) ** 2
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0))
    by_chance = float((apart * expected).sum())
    return 1.0 - float((apart * observed).sum()) / by_chance if by_chance else 1.0


def ratio(part: Numbers | Bools, whole: Numbers | Bools, weights: Weights) -> float:
    """Weighted sum of `part` over that of `whole`, both (n,)."""
    below = float(whole @ weights)
    return float(part @ weights) / below if below else float("nan")
