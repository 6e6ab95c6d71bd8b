"""Texts that say nothing."""

from __future__ import annotations

from typing import ClassVar

from data.checks.check import Context, Finding
from data.text.normalise import normalise

# 闪退 ("it crashes") is a whole complaint; one letter is none.
FEWEST = 2
_ENOUGH = 4


class Empties:
    """Letters (characters that are no digit, mark or blank) out of four, at most 1."""

    name: ClassVar[str] = "empties"

    def __call__(self, context: Context) -> Finding:
        """Texts of fewer than two letters."""
        letters = [_letters(item.text) for item in context.texts]
        scores = {i: min(1.0, n / _ENOUGH) for i, n in zip(context.places, letters, strict=True)}
        flagged = {
            i: f"{n} letters" for i, n in zip(context.places, letters, strict=True) if n < FEWEST
        }
        sentence = f"{len(flagged)} texts have fewer than {FEWEST} letters"
        return Finding(self.name, sentence, scores, flagged, mend=True)


def _letters(text: str) -> int:
    return sum(char.isalpha() for char in normalise(text).text)
