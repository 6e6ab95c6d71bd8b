"""Pattern lists of a pack, compiled: `<term>` stands for a list under `terms`.

What could make matching slow is refused at load rather than found in production: every repeat must
be bounded and no group may be repeated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

MAX_REPEAT: Final = 40
# Product of the repeat bounds of one pattern: the most ways to match at one place of a text.
MAX_WAYS: Final = 1500

_TERM = re.compile(r"<([a-z][a-z0-9_]*)>")
_CLASS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]")
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")
_BOUNDS = re.compile(r"\{(?:\d+,)?(\d+)\}")
_GROUP_REPEAT = re.compile(r"\)\{")


def expand(pattern: str, terms: Mapping[str, Sequence[str]]) -> str:
    """Replace each `<term>` by its alternatives. Raises KeyError for an unknown term."""

    def alternatives(match: re.Match[str]) -> str:
        return "(?:" + "|".join(expand(part, terms) for part in terms[match[1]]) + ")"

    return _TERM.sub(alternatives, pattern)


def problem(pattern: str, *, ways: bool = True) -> str | None:
    """Why a pattern is not allowed in a pack, or None.

    `ways` is for patterns as written: once terms are expanded, bounds stand in alternatives and
    do not multiply.
    """
    bare = _CLASS.sub("x", pattern)
    if _UNBOUNDED.search(bare):
        return f"{pattern!r} has an unbounded repeat; write {{0,n}} with n ≤ {MAX_REPEAT}"
    if _GROUP_REPEAT.search(bare):
        return f"{pattern!r} repeats a group; only `?` may follow one"
    bounds = [int(match[1]) for match in _BOUNDS.finditer(bare)]
    if max(bounds, default=0) > MAX_REPEAT:
        return f"{pattern!r} repeats more than {MAX_REPEAT} times"
    if ways and max(map(_ways, _alternatives(bare))) > MAX_WAYS:
        return f"{pattern!r} can match in too many ways (bounds multiply to over {MAX_WAYS})"
    if _TERM.search(pattern):
        return None
    try:
        if re.compile(pattern).match(""):
            return f"{pattern!r} matches nothing at all"
    except (re.error, RecursionError, OverflowError) as error:
        return f"{pattern!r} is not a regular expression: {error}"
    return None


def _ways(pattern: str) -> int:
    return math.prod(int(match[1]) + 1 for match in _BOUNDS.finditer(pattern))


def _alternatives(pattern: str) -> list[str]:
    """Split at the `|` that stand in no group."""
    parts, depth = [""], 0
    for char in pattern:
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def union(patterns: Sequence[str], terms: Mapping[str, Sequence[str]]) -> re.Pattern[str] | None:
    """One pattern for a list, or None for an empty one."""
    if not patterns:
        return None
    return re.compile("|".join(expand(pattern, terms) for pattern in patterns))
