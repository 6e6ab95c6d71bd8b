"""Texts that would be both learned from and tested on."""

from __future__ import annotations

from typing import ClassVar

from data.checks.check import Context, Finding
from data.quality.crossing import crossings


class Leaks:
    """0 for a text on the other side of a split from its near-duplicate or group, or that repeats
    one of the texts `against`; else 1.
    """

    name: ClassVar[str] = "leaks"

    def __call__(self, context: Context) -> Finding:
        """Pairs across splits, torn groups, and repeats of the other texts."""
        size = len(context.texts)
        place = {item.id: i for i, item in zip(context.places, context.texts, strict=True)}
        inside = [p for p in context.pairs if p.second < size]
        across = [p for p in context.pairs if p.first < size <= p.second]
        torn = crossings(context.texts, inside)
        flagged: dict[int, str] = {}
        for crossing in torn:
            flagged[place[crossing.first]] = f"{crossing.reason}: {crossing.second} is elsewhere"
            flagged[place[crossing.second]] = f"{crossing.reason}: {crossing.first} is elsewhere"
        for pair in across:
            other = context.against[pair.second - size].id
            flagged[context.places[pair.first]] = f"{pair.similarity} like {other} of the others"
        sentence = f"{len(torn)} pairs lie on both sides of a split"
        if context.against:
            sentence += f", {len(across)} repeat one of the other texts"
        scores = {i: float(i not in flagged) for i in context.places}
        figures = {"torn": len(torn), "against": len(across)}
        return Finding(self.name, sentence, scores, flagged, figures, mend=True)
