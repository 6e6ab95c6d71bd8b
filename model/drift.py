"""Whether the texts of today are those the model was tuned on: effect sizes, never p-values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from data.errors import InputError
from data.quality.divergence import jensen_shannon, psi, psi_by_chance
from model.profile import Histogram, Profile

Band = Literal["too_few", "small", "medium", "large"]


@dataclass(frozen=True, slots=True)
class Bands:
    """Where a PSI is called medium and large (Siddiqi 2006, "Credit Risk Scorecards").

    Under `min_n` texts on either side nothing is called anything.
    """

    medium: float = 0.10
    large: float = 0.25
    min_n: int = 200


@dataclass(frozen=True, slots=True)
class Shift:
    """One bin or label and its share before and now."""

    name: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature. `psi` is beyond what chance alone gives samples of these sizes.

    `raw_psi` is the plain figure, `jensen_shannon` in bits, `shifts` the bins that moved most.
    """

    feature: str
    band: Band
    psi: float
    raw_psi: float
    jensen_shannon: float
    shifts: tuple[Shift, ...]

    def sentence(self) -> str:
        """The feature, by how much, and where, in one line."""
        moved = ", ".join(f"{s.name} {s.before:.0%} → {s.now:.0%}" for s in self.shifts)
        size = f"PSI {self.psi:.2f} ({self.band}), JS {self.jensen_shannon:.3f}"
        return f"{self.feature}: {size}; {moved}"

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "feature": self.feature,
            "band": self.band,
            "psi": round(self.psi, 4),
            "raw_psi": round(self.raw_psi, 4),
            "jensen_shannon": round(self.jensen_shannon, 4),
            "shifts": [
                {"name": s.name, "before": round(s.before, 4), "now": round(s.now, 4)}
                for s in self.shifts
            ],
        }


def drift(reference: Profile, window: Profile, bands: Bands | None = None) -> list[FeatureDrift]:
    """Every feature of a window against the reference, the most moved first.

    Raises InputError where the two were seen by different models or counted in different bins.
    """
    bands = bands or Bands()
    if reference.model != window.model:
        raise InputError(
            f"expected a profile by {window.model}, got one by {reference.model}", field="reference"
        )
    found = [
        _feature(name, reference.features[name], histogram, bands)
        for name, histogram in window.features.items()
    ]
    return sorted(found, key=lambda feature: -feature.psi)


def worst(features: Sequence[FeatureDrift]) -> Band:
    """The gravest band of all."""
    order: tuple[Band, ...] = ("too_few", "small", "medium", "large")
    return max((f.band for f in features), key=order.index, default="too_few")


def _feature(name: str, before: Histogram, now: Histogram, bands: Bands) -> FeatureDrift:
    if before.names != now.names:
        raise InputError("was counted in other bins", field=name)
    r, w = np.array(before.counts, dtype=float), np.array(now.counts, dtype=float)
    raw = psi(r, w)
    beyond = max(0.0, raw - psi_by_chance(r, w))
    band: Band = "large" if beyond >= bands.large else "medium"
    if beyond < bands.medium:
        band = "small"
    if min(before.n, now.n) < bands.min_n:
        band = "too_few"
    return FeatureDrift(name, band, beyond, raw, jensen_shannon(r, w), _shifts(before, now))


def _shifts(before: Histogram, now: Histogram) -> tuple[Shift, ...]:
    shares = [
        Shift(name, b / max(before.n, 1), a / max(now.n, 1))
        for name, b, a in zip(before.names, before.counts, now.counts, strict=True)
    ]
    return tuple(sorted(shares, key=lambda s: -abs(s.now - s.before))[:3])
