"""Quantiles, shares and trends out of measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_RESAMPLES = 2_000
_BLOCK = 12


@dataclass(frozen=True, slots=True)
class Times:
    """Quantiles of latencies, in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """Of latencies in seconds; zeros where there are none."""
        if not seconds:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        p50, p95, p99 = (1000 * float(q) for q in np.quantile(seconds, [0.5, 0.95, 0.99]))
        return cls(len(seconds), *(round(v, 2) for v in (p50, p95, p99, 1000 * max(seconds))))

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Trend:
    """Change by the minute, with a 95 % interval."""

    slope: float
    low: float
    high: float

    @property
    def flat(self) -> bool:
        """Whether no growth is within the interval."""
        return self.low <= 0

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {**asdict(self), "flat": self.flat}


def trend(seconds: Sequence[float], values: Sequence[float], *, seed: int = 0) -> Trend:
    """Least squares by the minute; the interval by a bootstrap of blocks of residuals.

    Neighbouring measurements of memory are alike, so that single ones drawn anew would promise
    too narrow an interval.
    """
    x, y = np.asarray(seconds) / 60, np.asarray(values)
    slope, start = np.polyfit(x, y, 1)
    fitted = slope * x + start
    left = y - fitted
    rng = np.random.default_rng(seed)
    block = max(1, min(_BLOCK, len(left) // 3))
    starts = rng.integers(0, len(left) - block + 1, (_RESAMPLES, -(-len(left) // block)))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(_RESAMPLES, -1)[:, : len(left)]
    slopes = np.polyfit(x, (fitted + left[drawn]).T, 1)[0]
    low, high = np.quantile(slopes, [0.025, 0.975])
    return Trend(round(float(slope), 4), round(float(low), 4), round(float(high), 4))


def middle(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most of a few rounds."""
    return {
        "median": round(float(np.median(values)), 4),
        "least": round(min(values), 4),
        "most": round(max(values), 4),
    }
