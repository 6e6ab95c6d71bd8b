"""On which side feedback falls: training or tuning, by event, beside the texts it resembles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from data.labelled import LabelledText
from data.quality.overlap import Overlap
from data.quality.shingles import shingles
from data.snapshot.heldout import SIMILARITY
from data.snapshot.merge import Merged
from data.snapshot.store import Excluded
from data.splits import assign, split_of
from data.text.normalise import normalise

TORN = "resembles texts of both train and dev"


def beside(
    merged: Sequence[Merged],
    base: Sequence[LabelledText],
    replaced: Mapping[str, LabelledText],
) -> tuple[list[LabelledText], list[Excluded]]:
    """Feedback as labelled texts with split and group, and what lies on both sides of a split.

    Near-duplicates are one event: the event has the side of the base texts it replaces or
    resembles, else the one that `data.splits` gives its first id. It never tests.
    """
    others = [item for item in base if split_of(item) != "test"]
    own, other = _near([item.text for item in merged], [item.text for item in others])
    own += _grouped(merged)
    texts: list[LabelledText] = []
    torn: list[Excluded] = []
    for event in _events(len(merged), own):
        members = [merged[row] for row in event]
        known = [replaced[item.id] for item in members if item.id in replaced]
        known += [others[row] for member in event for row in other[member]]
        sides = {str(split_of(item)) for item in known}
        groups = [str(item.meta.get("group") or item.id) for item in known]
        groups = groups or [str(item.meta["group"]) for item in members if "group" in item.meta]
        group = min(groups or (item.id for item in members))
        if len(sides) > 1:
            torn += [
                Excluded(id=item.id, origin="feedback", reason=TORN, of=group) for item in members
            ]
        else:
            side = next(iter(sides), None)
            texts += [_labelled(item, group, side, replaced.get(item.id)) for item in members]
    return texts, torn


def _near(texts: Sequence[str], base: Sequence[str]) -> tuple[list[list[int]], list[list[int]]]:
    """Per text the rows it resembles: among the texts themselves, and in the base."""
    grams = [shingles(normalise(text).text) for text in texts]
    own, other = Overlap(grams), Overlap([shingles(normalise(text).text) for text in base])
    return (
        [[row, *(a.position for a in own.alike(g, SIMILARITY))] for row, g in enumerate(grams)],
        [[a.position for a in other.alike(g, SIMILARITY)] for g in grams],
    )


def _grouped(merged: Sequence[Merged]) -> list[list[int]]:
    """Rows that came with the same group: one event too."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(merged):
        if group := item.meta.get("group"):
            members[str(group)].append(row)
    return list(members.values())


def _events(size: int, together: Iterable[Sequence[int]]) -> list[list[int]]:
    """Rows that belong together, directly or through others."""
    root = list(range(size))

    def find(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for first, *others in together:
        for other in others:
            low, high = sorted((find(first), find(other)))
            root[high] = low
    events: dict[int, list[int]] = defaultdict(list)
    for row in range(size):
        events[find(row)].append(row)
    return list(events.values())


def _labelled(
    item: Merged, group: str, side: str | None, before: LabelledText | None
) -> LabelledText:
    """With the labels and second readings that stood before on heads nobody decided now."""
    decided = {head: record.code for head, record in item.holding.items()}
    old = before or LabelledText(item.id, item.text, {})
    text = LabelledText(
        id=item.id,
        text=item.text,
        labels={**old.labels, **decided},
        alternatives={h: codes for h, codes in old.alternatives.items() if h not in decided},
        meta={**item.meta, "group": group},
    )
    return replace(text, meta={**text.meta, "split": side or assign(text, test=0.0)})
