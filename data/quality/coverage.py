"""How many texts each label has, against what it should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy


@dataclass(frozen=True, slots=True)
class Count:
    """A label of a head, and the number of texts that carry it."""

    head: str
    code: str
    texts: int


def counts(texts: Sequence[LabelledText], taxonomy: Taxonomy) -> list[Count]:
    """Every leaf of every head in taxonomy order, also those without a text."""
    found = []
    for head in taxonomy.heads:
        carried = Counter(item.labels[head.name] for item in texts if head.name in item.labels)
        found += [Count(head.name, code, carried[code]) for code in head.leaves]
    return found
