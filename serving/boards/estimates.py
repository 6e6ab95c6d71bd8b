"""Shares with their intervals, and rare counts: the arithmetic behind the boards.

All of it without scipy, which a serving installation does not have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Z95: Final = NormalDist().inv_cdf(0.975)
_T95: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval; `n` is what it is a share of. NaN where n is 0."""

    value: float
    low: float
    high: float
    n: int


def wilson(hits: int, n: int) -> Share:
    """A share of independent items (Wilson 1927)."""
    if n == 0:
        return Share(math.nan, 0.0, 1.0, 0)
    p, z2 = hits / n, Z95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Share(p, max(0.0, middle - reach), min(1.0, middle + reach), n)


def weighted(hits: NDArray[np.bool_], inclusion: NDArray[np.float64]) -> Share:
    """A share of the population that items were drawn from with known probabilities.

    Hájek's ratio form of the Horvitz-Thompson estimator; items of one probability are a stratum
    drawn without replacement (Cochran 1977, §5.6), and two right and two wrong answers are added
    to each stratum's variance (Agresti and Coull 1998), so that no sample claims to be certain.
    """
    n = len(hits)
    if n == 0:
        return Share(math.nan, 0.0, 1.0, 0)
    weights = 1.0 / inclusion
    whole = float(weights.sum())
    value = float((weights * hits).sum() / whole)
    variance, freedom = 0.0, 0
    for probability in np.unique(inclusion[inclusion < 1.0]):
        rows = inclusion == probability
        m, part = int(rows.sum()), float(weights[rows].sum()) / whole
        plain = float(hits[rows].var(ddof=1)) / m if m > 1 else 0.0
        mean = (float(hits[rows].sum()) + 2.0) / (m + 4.0)
        variance += part**2 * (1.0 - float(probability)) * max(plain, mean * (1 - mean) / (m + 4.0))
        freedom += m - 1
    reach = t95(freedom) * math.sqrt(variance)
    return Share(value, max(0.0, value - reach), min(1.0, value + reach), n)


def t95(freedom: int) -> float:
    """Student's 97.5 % quantile: a table, then the Cornish-Fisher expansion."""
    if freedom <= len(_T95):
        return _T95[max(freedom, 1) - 1]
    z = Z95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def log_pmf(counts: NDArray[np.int64], mean: float, variance: float) -> NDArray[np.float64]:
    """Log probabilities of counts: Poisson, or negative binomial where the variance is larger."""
    gamma = np.array([math.lgamma(count + 1.0) for count in counts])
    if variance <= mean * (1 + 1e-9):
        poisson: NDArray[np.float64] = counts * math.log(mean) - mean - gamma
        return poisson
    size = mean**2 / (variance - mean)
    rising = np.array([math.lgamma(count + size) for count in counts]) - math.lgamma(size)
    odds = mean / (mean + size)
    result: NDArray[np.float64] = (
        rising - gamma + size * math.log1p(-odds) + counts * math.log(odds)
    )
    return result


def exceedance(count: int, mean: float, variance: float) -> float:
    """P(X ≥ count) for such counts; `mean` > 0."""
    if count <= 0:
        return 1.0
    if count <= mean:
        below = np.exp(log_pmf(np.arange(count), mean, variance)).sum()
        return float(min(1.0, max(0.0, 1.0 - below)))
    # The tail itself, term by term: one minus its complement would round small ones away.
    reach = count + max(60, int(8 * math.sqrt(variance)))
    return float(min(1.0, np.exp(log_pmf(np.arange(count, reach), mean, variance)).sum()))


def expected_range(mean: float, variance: float) -> tuple[int, int]:
    """The counts that such a mean and variance give in 95 of 100 cases: 2.5 % on either side."""
    top = int(mean + 10 * math.sqrt(variance) + 20)
    cumulated = np.cumsum(np.exp(log_pmf(np.arange(top), mean, variance)))
    return int(np.searchsorted(cumulated, 0.025)), int(np.searchsorted(cumulated, 0.975))


def discoveries(p_values: Sequence[float], rate: float, tests: int | None = None) -> list[bool]:
    """Which of them to believe so that at most `rate` of those is chance (Benjamini-Hochberg 1995).

    `tests` counts those that were made, where only the small ones are given.
    """
    m = max(tests or 0, len(p_values))
    order = np.argsort(p_values)
    limit = -1.0
    for rank, place in enumerate(order, 1):
        if p_values[place] <= rate * rank / m:
            limit = p_values[place]
    return [p <= limit for p in p_values]


def stability(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Population stability index of two counts over the same bins, half a case added to each."""
    p = (before + 0.5) / (before + 0.5).sum()
    q = (after + 0.5) / (after + 0.5).sum()
    return float(((q - p) * np.log(q / p)).sum())
