"""A text cut at every edge of what is marked in it: evidence, rules, flags, personal data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.pii.find import Finding

_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked span. `kind` is evidence, rule, flag or personal; `of` the head, rule, flag or kind
    of data; `level` 1 to 3, the strongest evidence of a head being 3.
    """

    kind: str
    of: str
    start: int
    end: int
    level: int = 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text under the same marks."""

    text: str
    marks: tuple[Mark, ...]

    @property
    def heads(self) -> Mapping[str, int]:
        """Heads whose evidence this is, with its level."""
        found: dict[str, int] = {}
        for mark in self.marks:
            if mark.kind == "evidence":
                found[mark.of] = max(found.get(mark.of, 0), mark.level)
        return found

    def names(self, kind: str) -> list[str]:
        """What of a kind is marked here."""
        return list(dict.fromkeys(mark.of for mark in self.marks if mark.kind == kind))


def pieces(text: str, marks: Sequence[Mark]) -> list[Piece]:
    """`text` in order, without loss: the pieces joined are the text."""
    inside = [mark for mark in marks if 0 <= mark.start < mark.end <= len(text)]
    edges = sorted({0, len(text), *(m.start for m in inside), *(m.end for m in inside)})
    return [
        Piece(text[a:b], tuple(m for m in inside if m.start <= a and b <= m.end))
        for a, b in itertools.pairwise(edges)
        if b > a
    ]


def marks_of(answer: Mapping[str, Any]) -> list[Mark]:
    """What an answer points at."""
    found: list[Mark] = []
    for head, label in answer["labels"].items():
        evidence = label["evidence"]
        most = max((spot["weight"] for spot in evidence), default=0.0)
        found += [
            Mark("evidence", head, spot["start"], spot["end"], _level(spot["weight"], most))
            for spot in evidence
        ]
        found += [
            Mark("rule", spot["rule"], spot["start"], spot["end"])
            for spot in label.get("rule_evidence", ())
        ]
    for flag in answer["flags"]:
        found += [
            Mark("flag", flag["name"], spot["start"], spot["end"]) for spot in flag["evidence"]
        ]
    return found


def personal(findings: Sequence[Finding]) -> list[Mark]:
    """Where personal data are hidden."""
    return [Mark("personal", finding.kind, finding.start, finding.end) for finding in findings]


def _level(weight: float, most: float) -> int:
    if most <= 0:
        return 1
    return min(_LEVELS, 1 + int(weight / most * _LEVELS * 0.999))
