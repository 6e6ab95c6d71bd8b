"""Whether a difference is more than chance: paired bootstrap and McNemar's test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.metrics import Figure

Weights = NDArray[np.float64]
# Named figures of texts that count `weights` (n,) times each; NaN where there is none.
Measure = Callable[[Weights], Mapping[str, float]]
# Below so many discordant texts the chi-squared approximation is not to be trusted.
_EXACT_BELOW = 50


@dataclass(frozen=True)
class Resampling:
    """Draws of whole events with replacement: texts of one event are not independent.

    `events` (n,) numbers each text's event. Every iteration gives the same draws, as how often
    each text counts, so that whatever is measured on them is paired.
    """

    events: NDArray[np.intp]
    draws: int = 1000
    seed: int = 20261122

    @classmethod
    def of(cls, names: Sequence[str], draws: int = 1000, seed: int = 20261122) -> Resampling:
        """From the name of each text's event."""
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        return cls(np.array([numbers[name] for name in names], dtype=np.intp), draws, seed)

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Weights]:
        random = np.random.default_rng(self.seed)
        count = int(self.events.max()) + 1 if len(self.events) else 0
        for _ in range(self.draws if count else 0):
            drawn = np.bincount(random.integers(0, count, count), minlength=count)
            yield drawn[self.events].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure on the texts as they are, and on every draw, (draws,)."""

    value: float
    draws: NDArray[np.float64]

    def figure(self) -> Figure | None:
        """With its 95 % percentile interval; None where there is nothing to measure."""
        if math.isnan(self.value):
            return None
        held = self.draws[~np.isnan(self.draws)]
        if not len(held):
            return Figure(self.value, self.value, self.value)
        low, high = np.percentile(held, [2.5, 97.5])
        return Figure(self.value, float(low), float(high))

    def minus(self, other: Sample) -> Sample:
        """The paired difference; both must stem from the same resampling."""
        return Sample(self.value - other.value, self.draws - other.draws)


def resample(measures: Mapping[str, Measure], resampling: Resampling) -> dict[str, Sample]:
    """Every figure of every measure as "<measure>/<figure>", on the texts and on each draw."""
    plain = np.ones(len(resampling))
    values = {f"{m}/{k}": v for m, of in measures.items() for k, v in of(plain).items()}
    drawn = {key: np.full(resampling.draws, np.nan) for key in values}
    for i, weights in enumerate(resampling):
        for name, measure in measures.items():
            for key, value in measure(weights).items():
                drawn[f"{name}/{key}"][i] = value
    return {key: Sample(float(value), drawn[key]) for key, value in values.items()}


def mcnemar(lost: int, won: int) -> float:
    """Two-sided p that `lost` and `won` discordant texts split so unevenly by chance.

    Exact binomial below 50, else chi-squared with Edwards' continuity correction (McNemar 1947).
    """
    n = lost + won
    if n < _EXACT_BELOW:
        return min(1.0, 2.0 * _upper_tail(max(lost, won), n)) if n else 1.0
    statistic = max(0.0, abs(lost - won) - 1.0) ** 2 / n
    return math.erfc(math.sqrt(statistic / 2.0))


def p_worse(lost: int, won: int) -> float:
    """Exact one-sided p of losing at least `lost` of the discordant texts by chance."""
    return _upper_tail(lost, lost + won)


def _upper_tail(hits: int, n: int) -> float:
    """P(X ≥ hits) of a fair coin thrown `n` times; in logarithms, so that large n do not vanish."""
    if hits <= 0:
        return 1.0
    terms = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        for k in range(hits, n + 1)
    ]
    top = max(terms)
    return min(1.0, math.exp(top) * math.fsum(math.exp(term - top) for term in terms))
