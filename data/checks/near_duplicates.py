"""Texts written twice with little changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from data.checks.check import Context, Finding
from data.labelled import LabelledText
from data.quality.duplicates import Pair


class NearDuplicates:
    """1 minus the greatest 4-gram Jaccard similarity to another text, from `similarity` on.

    Texts of one group are meant to be alike and do not count.
    """

    name: ClassVar[str] = "near-duplicates"

    def __call__(self, context: Context) -> Finding:
        """Pairs within the rows."""
        size = len(context.texts)
        pairs = [p for p in context.pairs if p.second < size and not _same_group(context.texts, p)]
        scores = dict.fromkeys(context.places, 1.0)
        flagged: dict[int, str] = {}
        for pair in reversed(pairs):
            for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
                scores[context.places[one]] = round(1.0 - pair.similarity, 3)
                flagged[context.places[one]] = f"{pair.similarity} like {context.texts[other].id}"
        sentence = f"{len(pairs)} pairs of texts are alike (4-gram Jaccard ≥ {context.similarity})"
        return Finding(self.name, sentence, scores, flagged, {"pairs": len(pairs)}, mend=True)


def _same_group(texts: list[LabelledText], pair: Pair) -> bool:
    metas: list[Mapping[str, object]] = [texts[pair.first].meta, texts[pair.second].meta]
    first, second = (meta.get("group") for meta in metas)
    return first is not None and first == second
