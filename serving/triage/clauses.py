"""Where sentences and clauses end: the scope within which a guard acts.

Speech-recognition transcripts carry no punctuation, so connectives (然后, 但是, 结果…) end a clause
too; which ones, the pack says.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Literal

Scope = Literal["clause", "sentence", "text"]


@dataclass(frozen=True, slots=True)
class Clauses:
    """Ends of sentences and starts of clauses of one text, ascending."""

    length: int
    sentence_cuts: tuple[int, ...]
    clause_cuts: tuple[int, ...]

    def around(self, start: int, end: int, scope: Scope) -> tuple[int, int]:
        """Bounds of the clause(s) or sentence(s) that `start`:`end` stands in."""
        if scope == "text":
            return 0, self.length
        cuts = self.clause_cuts if scope == "clause" else self.sentence_cuts
        left = bisect_right(cuts, start)
        right = bisect_left(cuts, end)
        return (cuts[left - 1] if left else 0), (cuts[right] if right < len(cuts) else self.length)


@dataclass(frozen=True)
class Splitter:
    """Finds the cuts: after each mark, before each connective."""

    sentence: re.Pattern[str]
    clause: re.Pattern[str]
    connective: re.Pattern[str]

    def split(self, text: str) -> Clauses:
        """Cuts of a normalised text. Linear in its length."""
        sentences = [match.end() for match in self.sentence.finditer(text)]
        clauses = [match.end() for match in self.clause.finditer(text)]
        clauses += [match.start() for match in self.connective.finditer(text)]
        return Clauses(len(text), tuple(sentences), tuple(sorted({*sentences, *clauses})))
