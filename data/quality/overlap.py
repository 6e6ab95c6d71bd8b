"""Exact overlap of one text with many, through an inverted index of their shingles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Gram = TypeVar("Gram", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Alike:
    """A text of the index: its position, Jaccard similarity, and the share of it that is found."""

    position: int
    similarity: float
    contained: float


class Overlap(Generic[Gram]):
    """An index over the shingle sets of many texts. Nothing is missed, unlike with hashing."""

    def __init__(self, grams: Sequence[Collection[Gram]]) -> None:
        self._sizes: NDArray[np.int64] = np.array([len(g) for g in grams], dtype=np.int64)
        postings: dict[Gram, list[int]] = defaultdict(list)
        for position, gram in enumerate(grams):
            for item in gram:
                postings[item].append(position)
        self._postings = {g: np.array(rows, dtype=np.int64) for g, rows in postings.items()}

    def alike(
        self, grams: Collection[Gram], similarity: float, contained: float = 1.1
    ) -> list[Alike]:
        """Texts of at least this similarity, or of which this share is found; most alike first."""
        rows = [self._postings[gram] for gram in grams if gram in self._postings]
        if not rows:
            return []
        common = np.bincount(np.concatenate(rows), minlength=len(self._sizes))
        found = np.flatnonzero(common)
        both = common[found]
        jaccard = both / (self._sizes[found] + len(grams) - both)
        inside = both / self._sizes[found]
        kept = np.flatnonzero((jaccard >= similarity) | (inside >= contained))
        return [
            Alike(int(found[i]), float(jaccard[i]), float(inside[i]))
            for i in kept[np.argsort(-jaccard[kept], kind="stable")]
        ]
