"""Divide labelled texts into a pool to label from and an evaluation half."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from data.errors import InputError
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy


def divide(
    texts: Sequence[LabelledText], taxonomy: Taxonomy, seed: int
) -> tuple[list[LabelledText], list[LabelledText]]:
    """Two halves, alike in their labels; texts of one group fall together.

    Groups stand in order of their labels, and of a hash of their name where they agree; every
    other one goes to the pool. Raises InputError where a half would be empty.
    """
    groups: dict[str, list[LabelledText]] = defaultdict(list)
    for item in texts:
        groups[str(item.meta.get("group") or item.id)].append(item)
    if len(groups) < 2:
        raise InputError(f"expected at least two groups of texts, got {len(groups)}", field="data")

    def order(name: str) -> tuple[tuple[str, ...], bytes]:
        first = groups[name][0]
        labels = tuple(first.labels.get(head.name, "") for head in taxonomy.heads)
        return labels, _hash(seed, name)

    ordered = sorted(groups, key=order)
    # Which of a pair goes where is drawn too: else the first of every label trains.
    pool = {
        pair[_hash(seed, "".join(pair))[0] % len(pair)]
        for pair in (ordered[i : i + 2] for i in range(0, len(ordered), 2))
    }
    halves: tuple[list[LabelledText], list[LabelledText]] = ([], [])
    for name in ordered:
        halves[0 if name in pool else 1].extend(groups[name])
    if not halves[1]:
        raise InputError("no text is left to evaluate on", field="data")
    return halves


def _hash(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
