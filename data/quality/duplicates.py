"""Near-duplicates: texts that share most of their character 4-grams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.quality.overlap import Overlap
from data.quality.shingles import shingles


@dataclass(frozen=True, slots=True)
class Pair:
    """Positions of two alike texts and the Jaccard similarity of their 4-grams."""

    first: int
    second: int
    similarity: float


def near_duplicates(
    texts: Sequence[str],
    threshold: float = 0.5,
    on_text: Callable[[int], None] = lambda _: None,
) -> list[Pair]:
    """All pairs with similarity of at least `threshold`, the most alike first; none is missed."""
    grams = [shingles(text) for text in texts]
    index = Overlap(grams)
    pairs = []
    for i, gram in enumerate(grams):
        on_text(i + 1)
        pairs += [
            Pair(alike.position, i, round(alike.similarity, 3))
            for alike in index.alike(gram, threshold)
            if alike.position < i
        ]
    return sorted(pairs, key=lambda pair: -pair.similarity)
