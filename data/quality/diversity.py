"""How varied a set of texts is, in figures that can be compared between sets."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

_MASKED = re.compile(r"\*{2,}|[xX]{3,}")
_MARKS = "，。！？、；：,.!?;:"


@dataclass(frozen=True, slots=True)
class Shape:
    """Figures of a set of texts.

    `lengths` are the 5, 10, 25, 50, 75, 90, 95 % quantiles in characters. `distinct` is the share
    of different character 2-, 3- and 4-grams among all in a sample of `sample` characters, so that
    sets of different size compare. `openings` is the share of the commonest three-character
    opening; the rest are shares of texts, `marks` is punctuation per character.
    """

    texts: int
    lengths: tuple[int, ...]
    sample: int
    distinct: tuple[float, float, float]
    openings: float
    no_comma: float
    digits: float
    masked: float
    exclaiming: float
    marks: float


def shape(texts: Sequence[str], *, sample: int = 40_000, draws: int = 10, seed: int = 0) -> Shape:
    """Measure a set of texts; distinct n-grams are the mean over `draws` random orders."""
    sample = min(sample, sum(map(len, texts)))
    return Shape(
        texts=len(texts),
        lengths=tuple(
            int(q) for q in np.percentile([len(t) for t in texts], [5, 10, 25, 50, 75, 90, 95])
        ),
        sample=sample,
        distinct=_distinct(texts, sample, draws, seed),
        openings=Counter(t[:3] for t in texts).most_common(1)[0][1] / len(texts),
        no_comma=_share(texts, lambda t: len(t) > 20 and not any(m in t for m in "，,。")),
        digits=_share(texts, lambda t: any(c.isdigit() for c in t)),
        masked=_share(texts, lambda t: bool(_MASKED.search(t))),
        exclaiming=_share(texts, lambda t: "！" in t or "!" in t),
        marks=sum(c in _MARKS for t in texts for c in t) / max(1, sum(map(len, texts))),
    )


def _share(texts: Sequence[str], holds: object) -> float:
    return mean(bool(holds(t)) for t in texts)  # type: ignore[operator]


def _distinct(
    texts: Sequence[str], sample: int, draws: int, seed: int
) -> tuple[float, float, float]:
    order = random.Random(seed)  # noqa: S311 - a sample, not a secret
    shares = np.zeros(3)
    for _ in range(draws):
        drawn = "\n".join(order.sample(list(texts), len(texts)))[:sample]
        for k, n in enumerate((2, 3, 4)):
            grams = [drawn[i : i + n] for i in range(len(drawn) - n + 1)]
            shares[k] += len(set(grams)) / len(grams)
    first, second, third = (shares / draws).round(4).tolist()
    return first, second, third
