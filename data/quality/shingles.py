"""What two texts are compared by: the character 4-grams of their words."""

from __future__ import annotations

import re

_SHINGLE = 4
_NOT_WORD = re.compile(r"[\W\d_]+")


def shingles(text: str) -> frozenset[str]:
    """Character 4-grams of the words alone: digits and punctuation make no difference."""
    letters = _NOT_WORD.sub("", text)
    last = max(1, len(letters) - _SHINGLE + 1)
    return frozenset(letters[i : i + _SHINGLE] for i in range(last)) if letters else frozenset()
