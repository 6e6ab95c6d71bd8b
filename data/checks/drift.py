"""How far the texts are from those the champion was trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from data.checks.check import Context, Finding, Reference
from data.labelled import LabelledText
from data.quality.divergence import psi, psi_by_chance

# With fewer on either side an index says nothing.
FEWEST = 100
# Siddiqi (2006), "Credit Risk Scorecards": from here on it is another population.
_MEDIUM, _LARGE = 0.1, 0.25
_BINS = 10


@dataclass(frozen=True, slots=True)
class _Feature:
    """A feature in bins: the bin of each row (None: it has none), of each reference text."""

    name: str
    rows: Sequence[str | None]
    reference: Sequence[str | None]


class Drift:
    """How much rarer the row's own kind was in the champion's training texts: the smallest ratio
    of shares over the features that drifted by a PSI of 0.25 and more, at most 1.
    """

    name: ClassVar[str] = "drift"

    def __call__(self, context: Context) -> Finding:
        """PSI of length, labels, unknown share, novelty; rows of kinds that doubled are flagged."""
        reference = context.reference
        if reference is None:
            return Finding(self.name, "not judged: no training texts of the champion were given")
        if min(len(context.texts), len(reference.texts)) < FEWEST:
            return Finding(self.name, f"fewer than {FEWEST} texts to compare: not judged")
        scores = dict.fromkeys(context.places, 1.0)
        flagged: dict[int, str] = {}
        values: dict[str, float] = {}
        for feature in _features(context, reference):
            before, now = Counter(feature.reference), Counter(feature.rows)
            bins = sorted({b for b in (*before, *now) if b is not None})
            values[feature.name] = _psi([before[b] for b in bins], [now[b] for b in bins])
            if values[feature.name] >= _LARGE:
                ratio = _ratios(bins, before, now)
                for i, own in zip(context.places, feature.rows, strict=True):
                    if own is not None and ratio[own] < scores[i]:
                        scores[i] = round(ratio[own], 4)
                        if ratio[own] < 0.5:
                            flagged[i] = f"{feature.name} {own}: was {ratio[own]:.2f} as frequent"
        named = ", ".join(f"{name} {value:.3f} ({_band(value)})" for name, value in values.items())
        sentence = f"PSI from the champion's training texts: {named}"
        return Finding(self.name, sentence, scores, flagged, {"psi": values})


def _psi(before: Sequence[int], now: Sequence[int]) -> float:
    """Beyond what chance alone gives samples of these sizes."""
    first, second = np.array(before, np.float64), np.array(now, np.float64)
    return round(max(0.0, psi(first, second) - psi_by_chance(first, second)), 4)


def _band(value: float) -> str:
    return "large" if value >= _LARGE else "medium" if value >= _MEDIUM else "small"


def _ratios(
    bins: Sequence[str], before: Mapping[str | None, int], now: Mapping[str | None, int]
) -> dict[str, float]:
    first, second = sum(before[b] for b in bins), sum(now[b] for b in bins)
    return {b: min(1.0, (before[b] / first) / (now[b] / second)) if now[b] else 1.0 for b in bins}


def _features(context: Context, reference: Reference) -> Iterator[_Feature]:
    yield _binned("length", _lengths(context.texts), _lengths(reference.texts))
    for head in context.taxonomy.heads:
        rows, before = (
            [t.labels.get(head.name) for t in ts] for ts in (context.texts, reference.texts)
        )
        if any(rows) and any(before):
            yield _Feature(head.name, rows, before)
    own, others = context.signals, reference.signals
    if own is not None and others is not None:
        yield _binned("unknown share", own.unknown, others.unknown)
        if own.novelty is not None and others.novelty is not None:
            yield _binned("novelty", own.novelty, others.novelty)


def _lengths(texts: Sequence[LabelledText]) -> list[float]:
    return [float(len(item.text)) for item in texts]


def _binned(name: str, rows: Sequence[float], reference: Sequence[float]) -> _Feature:
    """In deciles of the reference; equal edges fall together."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1]))
    names = ["up to " + f"{edge:g}" for edge in edges] + [f"over {edges[-1]:g}"]

    def bins(values: Sequence[float]) -> list[str | None]:
        return [names[int(i)] for i in np.searchsorted(edges, values, side="left")]

    return _Feature(name, bins(rows), bins(reference))
