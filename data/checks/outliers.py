"""Texts far off the others in length, or in words the champion does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.checks.check import Context, Finding

# Iglewicz & Hoaglin (1993): a modified z-score over 3.5 is a potential outlier.
LIMIT = 3.5
# The median absolute deviation of a normal distribution is so much of its standard deviation.
_NORMAL = 0.6745
# Under this many texts "far off" means nothing.
FEWEST = 20
# The vocabulary covers ordinary Chinese nearly whole; a fifth unknown is another language or noise.
UNKNOWN = 0.2


class Lengths:
    """3.5 out of the modified z-score of the length's logarithm, at most 1."""

    name: ClassVar[str] = "lengths"

    def __call__(self, context: Context) -> Finding:
        """Texts whose length is an outlier on either side."""
        if len(context.texts) < FEWEST:
            return Finding(self.name, f"fewer than {FEWEST} texts: not judged")
        sizes = [len(item.text) for item in context.texts]
        z = modified_z(np.log([max(size, 1) for size in sizes]).tolist())
        scores: dict[int, float] = {}
        flagged: dict[int, str] = {}
        for i, size, distance in zip(context.places, sizes, z.tolist(), strict=True):
            scores[i] = min(1.0, LIMIT / max(abs(distance), LIMIT))
            if abs(distance) > LIMIT:
                flagged[i] = f"{size} characters"
        median = int(np.median(sizes))
        sentence = f"{len(flagged)} texts are far off the median length of {median} characters"
        return Finding(self.name, sentence, scores, flagged, {"median": median})


class UnknownTokens:
    """1 minus the share of the text that the champion's vocabulary does not cover."""

    name: ClassVar[str] = "unknown tokens"

    def __call__(self, context: Context) -> Finding:
        """Texts a fifth of which the champion cannot read."""
        if context.signals is None:
            return Finding(self.name, "not judged: no champion was given")
        unknown = context.signals.unknown
        scores = {
            i: round(1.0 - share, 4) for i, share in zip(context.places, unknown, strict=True)
        }
        flagged = {
            i: f"{share:.0%} unknown to the champion"
            for i, share in zip(context.places, unknown, strict=True)
            if share > UNKNOWN
        }
        mean = float(np.mean(unknown)) if unknown else 0.0
        sentence = (
            f"{len(flagged)} texts are more than {UNKNOWN:.0%} unknown to the champion's "
            f"vocabulary; the mean is {mean:.1%}"
        )
        return Finding(self.name, sentence, scores, flagged, {"mean": round(mean, 4)})


def modified_z(values: Sequence[float]) -> NDArray[np.float64]:
    """Distance from the median in robust standard deviations, shape (n,).

    Where more than half the values are the same, the mean absolute deviation scales instead.
    """
    array = np.asarray(values, dtype=np.float64)
    off = array - np.median(array)
    spread = np.median(np.abs(off)) / _NORMAL
    if spread == 0:
        spread = 1.253314 * np.abs(off).mean()
    return off / spread if spread > 0 else off
