"""Templates: long runs of characters that many texts share."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

RUN = 10
_NUMBER = re.compile(r"[0-9０-９]+")
_NOT_WORD = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Shared:
    """A skeleton (digits as 0, no punctuation) and the positions of the texts that hold it."""

    skeleton: str
    texts: tuple[int, ...]


def skeleton(text: str) -> str:
    """The text without punctuation, every number as one 0."""
    return _NOT_WORD.sub("", _NUMBER.sub("0", text))


def shared_runs(texts: Sequence[str], groups: Sequence[str], *, at_least: int = 4) -> list[Shared]:
    """Runs of RUN characters found in at least `at_least` groups, the most shared first.

    Texts of one group (a contrast pair) may be alike and count once. Of overlapping runs in the
    same texts only the first is listed.
    """
    found: dict[str, set[int]] = defaultdict(set)
    for position, text in enumerate(texts):
        bones = skeleton(text)
        for i in range(len(bones) - RUN + 1):
            found[bones[i : i + RUN]].add(position)
    listed: dict[tuple[int, ...], str] = {}
    for run, holders in sorted(found.items()):
        if len({groups[p] for p in holders}) >= at_least:
            listed.setdefault(tuple(sorted(holders)), run)
    return sorted(
        (Shared(run, holders) for holders, run in listed.items()), key=lambda s: -len(s.texts)
    )
