"""Estimates from items drawn with known, unequal probabilities (Horvitz and Thompson 1952)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError

_LEVEL = 0.95


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
    The interval is Student's, with the degrees of freedom of the strata that were drawn from: two
    drawn items say next to nothing, and their interval says so.
    Raises InputError without items, or where a probability is outside (0, 1].
    """
    y, pi = _arrays(values, probabilities)
    weights = 1.0 / pi
    population = float(weights.sum())
    mean = float((weights * y).sum() / population)
    variance, freedom = 0.0, 0
    for probability in np.unique(pi[pi < 1.0]):
        rows = np.flatnonzero(pi == probability)
        share = float(weights[rows].sum()) / population
        variance += share**2 * (1.0 - float(probability)) * _variance(y[rows])
        freedom += len(rows) - 1
    reach = _quantile(freedom) * float(np.sqrt(variance))
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


def _variance(values: NDArray[np.float64]) -> float:
    """Variance of a mean of values in [0, 1], drawn from a large population.

    Never less than with two right and two wrong answers added (Agresti and Coull 1998): without
    them a sample that happens to be all right would claim to be certain.
    """
    n = len(values)
    plain = float(values.var(ddof=1)) / n if n > 1 else 0.0
    mean = (float(values.sum()) + 2.0) / (n + 4.0)
    return max(plain, mean * (1.0 - mean) / (n + 4.0))


def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1.0 + _LEVEL) / 2, max(freedom, 1)))
