"""What a text must hold for a pattern to match at all, so that most patterns are never run.

报(?:了|过)警|去.{0,4}派出所 cannot match where none of 报了, 报过 and 派出 stands. Such needles,
one or two characters long, are looked up for all patterns of a pack in one pass over the text.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

Strings = frozenset[str]
# Strings spelt out per part of a pattern; more are as good as unknown.
_MAX_STRINGS: Final = 256
_LONGEST: Final = 2


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a pattern.

    `spelt` are all strings that it can be, `held` strings of which each of those holds at least
    one; None where that is not known.
    """

    spelt: Strings | None
    held: Strings | None

    @classmethod
    def of(cls, spelt: Strings) -> Part:
        """A part that is one of a few strings."""
        return cls(spelt, None if "" in spelt else spelt)


_UNKNOWN: Final = Part(None, None)
_NOTHING: Final = Part.of(frozenset([""]))


def needles(pattern: re.Pattern[str]) -> Strings | None:
    """Strings of one or two characters, one of which every match holds; None = not known.

    Read from the regular expression as Python parses it; what is not understood counts as unknown.
    """
    if pattern.flags & re.IGNORECASE:
        return None
    held = _sequence(parser.parse(pattern.pattern, pattern.flags)).held
    return frozenset(string[:_LONGEST] for string in held) if held else None


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which patterns can match a text: those `holding` one of its needles, and the `always`."""

    always: frozenset[int]
    holding: Mapping[str, frozenset[int]]

    def candidates(self, text: str) -> frozenset[int]:
        """Places, in the list the sieve was made of, of the patterns that could match."""
        found = self.holding.keys() & {*text, *map(operator.add, text, text[1:])}
        return self.always.union(*map(self.holding.__getitem__, found))


def sieve(patterns: Iterable[re.Pattern[str]]) -> Sieve:
    """The sieve of a list of patterns."""
    always: set[int] = set()
    holding: dict[str, set[int]] = {}
    for place, pattern in enumerate(patterns):
        known = needles(pattern)
        if known is None:
            always.add(place)
        for needle in known or ():
            holding.setdefault(needle, set()).add(place)
    return Sieve(
        frozenset(always), {needle: frozenset(places) for needle, places in holding.items()}
    )


def _sequence(items: Iterable[tuple[Any, Any]]) -> Part:
    """Parts one after another: neighbours are spelt together as far as they can be."""
    runs = [_NOTHING]
    for part in itertools.starmap(_part, items):
        joined = _joined(runs[-1].spelt, part.spelt)
        runs[-1:] = [joined] if joined else [runs[-1], part]
    if len(runs) == 1:
        return runs[0]
    return Part(None, max((run.held for run in runs if run.held), key=_rarity, default=None))


def _joined(first: Strings | None, second: Strings | None) -> Part | None:
    if first is None or second is None or len(first) * len(second) > _MAX_STRINGS:
        return None
    return Part.of(frozenset(a + b for a in first for b in second))


def _rarity(strings: Strings) -> tuple[int, int]:
    """The longer and the fewer, the less often one of them stands in a text."""
    return min(_LONGEST, *map(len, strings)), -len(strings)


def _either(parts: Sequence[Part]) -> Part:
    spelt = [part.spelt for part in parts]
    held = [part.held for part in parts]
    return Part(_union(spelt), _union(held))


def _union(sets: Sequence[Strings | None]) -> Strings | None:
    known = [strings for strings in sets if strings is not None]
    return frozenset().union(*known) if len(known) == len(sets) else None


def _part(op: Any, value: Any) -> Part:
    read = _READERS.get(op)
    return read(value) if read else _UNKNOWN


def _repeated(value: tuple[int, int, Any]) -> Part:
    least, most, items = value
    once = _sequence(items)
    if (least, most) == (0, 1):
        return _either([once, _NOTHING])
    return Part(None, once.held if least else None)


def _one_of(items: Sequence[tuple[Any, Any]]) -> Part:
    if all(op is ops.LITERAL for op, _ in items):
        return Part.of(frozenset(chr(code) for _, code in items))
    return _UNKNOWN


# Zero-width checks only narrow what matches.
_READERS: Final[dict[Any, Callable[[Any], Part]]] = {
    ops.LITERAL: lambda code: Part.of(frozenset([chr(code)])),
    ops.IN: _one_of,
    ops.BRANCH: lambda value: _either([_sequence(branch) for branch in value[1]]),
    ops.SUBPATTERN: lambda value: _UNKNOWN if value[1] else _sequence(value[3]),
    ops.MAX_REPEAT: _repeated,
    ops.AT: lambda _: _NOTHING,
    ops.ASSERT: lambda _: _NOTHING,
    ops.ASSERT_NOT: lambda _: _NOTHING,
}
