"""Whether anything that evaluates has been seen in training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from data.labelled import LabelledText
from data.quality.duplicates import Pair
from data.splits import assign, split_of


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two texts of one event on different sides of a split, by id."""

    first: str
    second: str
    reason: str


def crossings(texts: Sequence[LabelledText], pairs: Sequence[Pair]) -> list[Crossing]:
    """Groups that are torn apart, and near-duplicate `pairs` whose texts lie in two splits."""
    side = [split_of(item) or assign(item) for item in texts]
    found = [
        Crossing(texts[p.first].id, texts[p.second].id, f"similarity {p.similarity}")
        for p in pairs
        if side[p.first] != side[p.second]
    ]
    members: dict[str, list[int]] = defaultdict(list)
    for i, item in enumerate(texts):
        if group := item.meta.get("group"):
            members[str(group)].append(i)
    for group, rows in members.items():
        first = rows[0]
        torn = (row for row in rows[1:] if side[row] != side[first])
        found += [Crossing(texts[first].id, texts[row].id, f"group {group}") for row in torn]
    return found
