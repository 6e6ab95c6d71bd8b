"""Estimates from items drawn with known, unequal probabilities (Horvitz and Thompson 1952)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError

# 95 % of a normal distribution.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over a population with its 95 % interval, from `n` items that stand for `population`.

    `population` is the sum of the weights, which estimates the population's size.
    """

    value: float
    low: float
    high: float
    n: int
    population: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.n})"


def hajek(values: Sequence[float], probabilities: Sequence[float]) -> Estimate:
    """The mean of `values` in [0, 1] over the population that the items were drawn from.

    Hájek's ratio form of the Horvitz-Thompson estimator: each item counts 1/π times. Items of one
    probability form a stratum drawn without replacement, which gives the variance (Cochran 1977,
    §5.6 with finite population correction); items of probability one were certain and add none.
    Raises InputError without items, or where a probability is outside (0, 1].
    """
    y, pi = _arrays(values, probabilities)
    weights = 1.0 / pi
    population = float(weights.sum())
    mean = float((weights * y).sum() / population)
    variance = sum(
        (float(weights[rows].sum()) / population) ** 2 * _stratum_variance(y[rows], float(p))
        for p in np.unique(pi)
        for rows in (np.flatnonzero(pi == p),)
    )
    reach = _Z * float(np.sqrt(variance))
    return Estimate(mean, max(0.0, mean - reach), min(1.0, mean + reach), len(y), population)


def total(values: Sequence[float], probabilities: Sequence[float]) -> float:
    """The Horvitz-Thompson total: unbiased for the sum of `values` over the population.

    Raises InputError as `hajek` does.
    """
    y, pi = _arrays(values, probabilities)
    return float((y / pi).sum())


def _arrays(
    values: Sequence[float], probabilities: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, pi = np.asarray(values, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if len(y) == 0 or len(y) != len(pi):
        raise InputError(
            f"expected one for each of at least one value, got {len(pi)} for {len(y)}",
            field="inclusion_probability",
        )
    if not ((pi > 0) & (pi <= 1)).all():
        raise InputError("expected a number in (0, 1]", field="inclusion_probability")
    return y, pi


def _stratum_variance(values: NDArray[np.float64], probability: float) -> float:
    """Variance of a stratum's mean.

    Two right and two wrong answers are added (Agresti and Coull 1998): without them a sample that
    happens to be all right would claim to be certain.
    """
    n = len(values)
    mean = (float(values.sum()) + 2.0) / (n + 4.0)
    return (1.0 - probability) * mean * (1.0 - mean) / (n + 4.0)
