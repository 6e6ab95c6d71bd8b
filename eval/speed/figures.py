"""Medians with intervals, and what a process holds in memory."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_DRAWS = 1_000
_SEED = 20261122


@dataclass(frozen=True, slots=True)
class Median:
    """A median with its 95 % bootstrap interval, over `n` measurements."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def median(values: Sequence[float]) -> Median:
    """Of at least one value; percentile bootstrap with a fixed seed."""
    data = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(_SEED).integers(0, len(data), (_DRAWS, len(data)))
    low, high = np.quantile(np.median(data[draws], axis=1), (0.025, 0.975))
    return Median(float(np.median(data)), float(low), float(high), len(data))


def resident() -> float:
    """Resident memory of this process in MB; its peak where the system tells no more."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
