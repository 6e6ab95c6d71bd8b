"""Near-duplicates: texts that share most of their character 4-grams."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datasketch import MinHash, MinHashLSH

_SHINGLE = 4
_PERMUTATIONS = 128
_NOT_WORD = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """Positions of two alike texts and the Jaccard similarity of their 4-grams."""

    first: int
    second: int
    similarity: float


def shingles(text: str) -> frozenset[str]:
    """Character 4-grams of the words alone: digits and punctuation make no difference."""
    letters = _NOT_WORD.sub("", text)
    last = max(1, len(letters) - _SHINGLE + 1)
    return frozenset(letters[i : i + _SHINGLE] for i in range(last)) if letters else frozenset()


def near_duplicates(
    texts: Sequence[str],
    threshold: float = 0.5,
    on_text: Callable[[int], None] = lambda _: None,
) -> list[Pair]:
    """All pairs with similarity of at least `threshold`, the most alike first.

    MinHash with locality-sensitive hashing finds the candidates, exact Jaccard decides.
    """
    grams = [shingles(text) for text in texts]
    index = MinHashLSH(threshold=max(threshold - 0.1, 0.1), num_perm=_PERMUTATIONS)
    pairs = []
    for i, gram in enumerate(grams):
        on_text(i + 1)
        if not gram:
            continue
        sketch = MinHash(num_perm=_PERMUTATIONS)
        sketch.update_batch([g.encode() for g in gram])
        for j in index.query(sketch):
            similarity = len(gram & grams[j]) / len(gram | grams[j])
            if similarity >= threshold:
                pairs.append(Pair(int(j), i, round(similarity, 3)))
        index.insert(i, sketch)
    return sorted(pairs, key=lambda pair: -pair.similarity)
