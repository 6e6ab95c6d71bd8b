"""Choosing where a kind of noise strikes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random


def chosen(places: Sequence[int], strength: float, random: Random) -> list[int]:
    """A share `strength` of `places`, at least one if there is any, in order."""
    if not places:
        return []
    count = max(1, round(strength * len(places)))
    return sorted(random.sample(places, count))


def replaced(
    text: str, pattern: re.Pattern[str], strength: float, random: Random, new: Callable[[str], str]
) -> str:
    """`text` with a share of the matches of `pattern` rewritten by `new`."""
    matches = list(pattern.finditer(text))
    parts: list[str] = []
    reached = 0
    for i in chosen(range(len(matches)), strength, random):
        parts += (text[reached : matches[i].start()], new(matches[i].group()))
        reached = matches[i].end()
    return "".join([*parts, text[reached:]])
