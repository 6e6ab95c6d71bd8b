"""Hold texts out, once: whole events, and two views of the test split.

Order is a hash of the event's name, so that adding texts moves none that stand.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from data.errors import InputError
from data.labelled import LabelledText
from data.splits import Split, split_of
from data.taxonomy.schema import Head

TEST_SHARE = 0.18
DEV_SHARE = 0.12
PER_LEAF = 8


class LifeShares(BaseModel):
    """How often each node of a head is met in life, in per cent."""

    model_config = ConfigDict(extra="forbid")
    head: str
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text goes; `views` only for the test split."""

    split: Split
    views: tuple[str, ...] = ()


def load_life(path: Path) -> LifeShares:
    """Read a file of shares. Raises InputError naming the key."""
    try:
        return LifeShares.model_validate(yaml.safe_load(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(first["msg"], field=f"{path}: {where}") from error


def place(texts: Sequence[LabelledText], head: Head, life: LifeShares) -> dict[str, Place]:
    """The place of every text by id.

    A text whose split is written in its file keeps it, with its event. The others are divided by
    leaf of `head`, so that every leaf is tested and tuned on. Views are drawn from the test split:
    `balanced` has at most PER_LEAF events a leaf, `life` follows the shares of `life`.
    """
    events = _events(texts)
    splits = _divide(events, head)
    test = [event for event in events if splits[event] == "test"]
    leaf = {event: events[event][0].labels[head.name] for event in test}
    views = {
        "life": set(_like_life(test, leaf, head, life)),
        "balanced": set(_balanced(test, leaf)),
    }
    return {
        item.id: Place(
            splits[event], tuple(name for name, members in views.items() if event in members)
        )
        for event, items in events.items()
        for item in items
    }


def _order(event: str) -> bytes:
    return hashlib.sha256(f"holdout {event}".encode()).digest()


def _events(texts: Sequence[LabelledText]) -> dict[str, list[LabelledText]]:
    events: dict[str, list[LabelledText]] = defaultdict(list)
    for item in texts:
        events[str(item.meta.get("group") or item.id)].append(item)
    return {event: events[event] for event in sorted(events, key=_order)}


def _divide(events: Mapping[str, list[LabelledText]], head: Head) -> dict[str, Split]:
    by_leaf: dict[str, list[str]] = defaultdict(list)
    for event, items in events.items():
        by_leaf[items[0].labels[head.name]].append(event)
    splits: dict[str, Split] = {}
    for members in by_leaf.values():
        wanted = {"test": round(TEST_SHARE * len(members)), "dev": round(DEV_SHARE * len(members))}
        fresh = []
        for event in members:
            written = _written(events[event])
            if written is None:
                fresh.append(event)
            else:
                splits[event] = written
                wanted[written] = wanted.get(written, 0) - 1
        test = max(wanted["test"], 0)
        dev = max(wanted["dev"], 0)
        for position, event in enumerate(fresh):
            splits[event] = _at(position, test, dev)
    return splits


def _written(items: Iterable[LabelledText]) -> Split | None:
    return next((split for item in items if (split := split_of(item))), None)


def _at(position: int, test: int, dev: int) -> Split:
    if position < test:
        return "test"
    return "dev" if position < test + dev else "train"


def _balanced(test: Iterable[str], leaf: Mapping[str, str]) -> list[str]:
    taken: dict[str, int] = defaultdict(int)
    chosen = []
    for event in test:
        if taken[leaf[event]] < PER_LEAF:
            taken[leaf[event]] += 1
            chosen.append(event)
    return chosen


def _like_life(
    test: Sequence[str], leaf: Mapping[str, str], head: Head, life: LifeShares
) -> list[str]:
    """The largest draw of the test events in which every node has its share."""
    pools: dict[str, list[str]] = {node: [] for node in life.shares}
    for event in test:
        for node in life.shares:
            if head.is_under(leaf[event], node):
                pools[node].append(event)
    total = sum(life.shares.values())
    whole = min(len(pool) * total / life.shares[node] for node, pool in pools.items() if pool)
    return [
        event
        for node, pool in pools.items()
        for event in pool[: max(1, round(whole * life.shares[node] / total))]
    ]
