"""How far two distributions lie apart: effect sizes, which do not grow with the sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
# What an empty bin counts, so that no logarithm is infinite.
_SMOOTHING = 0.5


def psi(reference: Numbers, window: Numbers) -> float:
    """Population stability index of two count vectors (bins,): Σ (w - r) ln(w / r) over shares."""
    r, w = _shares(reference), _shares(window)
    return float(((w - r) * np.log(w / r)).sum())


def psi_by_chance(reference: Numbers, window: Numbers) -> float:
    """The PSI that two samples of one distribution have on average.

    (bins - 1)(1/n + 1/m), over the bins that are used at all (Yurdakul 2018, "Statistical
    Properties of Population Stability Index"): with many bins and few texts it alone is "large".
    """
    used = int(((reference + window) > 0).sum())
    sizes = (max(float(side.sum()), 1.0) for side in (reference, window))
    return (used - 1) * sum(1.0 / size for size in sizes)


def jensen_shannon(reference: Numbers, window: Numbers) -> float:
    """Jensen-Shannon divergence of two count vectors in bits: 0 = the same, 1 = nothing shared."""
    r, w = _plain(reference), _plain(window)
    middle = (r + w) / 2
    return max(0.0, (_relative(r, middle) + _relative(w, middle)) / 2)


def _shares(counts: Numbers) -> Numbers:
    smoothed = counts + _SMOOTHING
    return np.asarray(smoothed / smoothed.sum())


def _plain(counts: Numbers) -> Numbers:
    return np.asarray(counts / max(float(counts.sum()), 1.0))


def _relative(p: Numbers, q: Numbers) -> float:
    inside = p > 0
    return float((p[inside] * np.log2(p[inside] / q[inside])).sum())
