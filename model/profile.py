"""What texts look like to a model: distributions that can be kept, and compared later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from data.text.normalise import normalise
from model.classifier import Classifier, Prediction

Numbers = NDArray[np.float64]
OTHER = "(other)"
_BINS = 10
# Labels rarer than this in the reference are counted together: their shares say nothing.
_RARE = 0.01


@dataclass(frozen=True, slots=True)
class Histogram:
    """One feature: counts by label, or by bin of a number.

    `edges` are the inner borders of the bins (a bin more than borders), empty for labels.
    """

    kind: Literal["labels", "numbers"]
    names: tuple[str, ...]
    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()

    @property
    def n(self) -> int:
        """How many texts were counted."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Profile:
    """All features of `n` texts as one model sees them."""

    model: str
    n: int
    features: Mapping[str, Histogram]

    def as_json(self) -> dict[str, Any]:
        """As kept in a file."""
        return {
            "model": self.model,
            "n": self.n,
            "features": {
                name: {
                    "kind": h.kind,
                    "names": list(h.names),
                    "counts": list(h.counts),
                    "edges": list(h.edges),
                }
                for name, h in self.features.items()
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Profile:
        """What `as_json` gave. Raises KeyError or TypeError for anything else."""
        return cls(
            model=values["model"],
            n=int(values["n"]),
            features={
                name: Histogram(h["kind"], tuple(h["names"]), tuple(h["counts"]), tuple(h["edges"]))
                for name, h in values["features"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """Raw features of texts: `labels` are strings, `numbers` floats, one a text each."""

    model: str
    labels: Mapping[str, Sequence[str]]
    numbers: Mapping[str, Numbers]

    @property
    def n(self) -> int:
        """How many texts."""
        return len(next(iter(self.numbers.values())))


def see(
    texts: Sequence[str], classifier: Classifier, on_text: Callable[[int], None] = lambda _: None
) -> Seen:
    """Answer every text, and keep what drift is looked for in.

    Per head the label answered and its confidence; length in characters, the share of the text
    unknown to the model and, where the model has one, its novelty.
    """
    predictions: list[Prediction] = []
    for done, text in enumerate(texts, 1):
        predictions.append(classifier.predict(normalise(text)))
        on_text(done)
    numbers = {
        f"confidence:{head.name}": [p.heads[head.name].confidence for p in predictions]
        for head in classifier.taxonomy.heads
    }
    numbers["length"] = [float(len(text)) for text in texts]
    numbers["unknown_rate"] = [p.unknown_rate for p in predictions]
    novelty = [p.novelty for p in predictions if p.novelty is not None]
    if predictions and len(novelty) == len(predictions):
        numbers["novelty"] = novelty
    return Seen(
        classifier.version,
        {
            f"label:{head.name}": [p.heads[head.name].leaf for p in predictions]
            for head in classifier.taxonomy.heads
        },
        {name: np.array(values, dtype=np.float64) for name, values in numbers.items()},
    )


def profile(seen: Seen) -> Profile:
    """The distributions of a reference: its own bins, tenths of it each, rare labels together."""
    features: dict[str, Histogram] = {}
    for name, labels in seen.labels.items():
        counts = Counter(labels)
        kept = sorted(code for code, n in counts.items() if n >= _RARE * seen.n)
        features[name] = _count_labels(counts, (*kept, OTHER))
    for name, values in seen.numbers.items():
        features[name] = _count_numbers(values, _edges(values))
    return Profile(seen.model, seen.n, features)


def profile_like(seen: Seen, reference: Profile) -> Profile:
    """The distributions of a window in the bins of a reference; what that lacks is left out."""
    features: dict[str, Histogram] = {}
    for name, histogram in reference.features.items():
        if name in seen.labels:
            features[name] = _count_labels(Counter(seen.labels[name]), histogram.names)
        elif name in seen.numbers:
            features[name] = _count_numbers(seen.numbers[name], histogram.edges)
    return Profile(seen.model, seen.n, features)


def _count_labels(counts: Counter[str], names: Sequence[str]) -> Histogram:
    kept = [counts[name] for name in names if name != OTHER]
    return Histogram("labels", tuple(names), (*kept, sum(counts.values()) - sum(kept)))


def _edges(values: Numbers) -> tuple[float, ...]:
    """Inner tenths; a value that many texts share has a bin to itself, or more would not show."""
    if not len(values):
        return ()
    inner = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shared = [np.nextafter(e, np.inf) for e in inner if (values == e).mean() >= 1 / _BINS]
    return tuple(float(edge) for edge in np.unique([*inner, *shared]))


def _count_numbers(values: Numbers, edges: tuple[float, ...]) -> Histogram:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    if not edges:
        return Histogram("numbers", ("all",), (int(counts[0]),))
    names = [f"< {edges[0]:.4g}"]
    for low, high in pairwise(edges):
        alone = high == np.nextafter(low, np.inf)
        names.append(f"= {low:.4g}" if alone else f"{low:.4g} – {high:.4g}")
    names.append(f"≥ {edges[-1]:.4g}")
    return Histogram("numbers", tuple(names), tuple(int(c) for c in counts), edges)
