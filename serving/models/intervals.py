"""Intervals of shares and of their differences, good for small counts and for shares near 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """As plain values."""
        return {name: round(getattr(self, name), 4) for name in ("value", "low", "high")}


def wilson(hits: int, n: int, z: float = Z95) -> Interval | None:
    """A share with its score interval (Wilson 1927); None without any."""
    if n == 0:
        return None
    p, square = hits / n, z * z / n
    middle = (p + square / 2) / (1 + square)
    reach = z / (1 + square) * math.sqrt(p * (1 - p) / n + square / (4 * n))
    return Interval(p, max(0.0, min(p, middle - reach)), min(1.0, max(p, middle + reach)))


def difference(one: tuple[int, int], other: tuple[int, int], z: float = Z95) -> Interval | None:
    """Share `one` minus share `other`, each (hits, n), from two independent samples.

    Newcombe's hybrid of score intervals (1998, method 10). None where one has no sample.
    """
    a, b = wilson(*one, z), wilson(*other, z)
    if a is None or b is None:
        return None
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Interval(value, low, high)
