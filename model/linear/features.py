"""Features of the linear model, computed alike when it is trained and when it serves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from model.linear.words import tokenizer

NGRAMS: Final = (2, 3, 4)
# Amounts, dates and card numbers are many; that there is a number of so many digits is enough.
_DIGITS = str.maketrans("123456789", "000000000")
# No n-gram reaches over a blank.
_PIECE = re.compile(r"[^ \n]+")
# Follows the last word, which so is the first of no pair.
_NO_WORD: Final = ("", 0, 0)


@dataclass(frozen=True, slots=True)
class Features:
    """Occurrences of features, name by name with the normalised characters each covers."""

    names: list[str]
    starts: list[int]
    ends: list[int]


def warm_up() -> None:
    """Load jieba's dictionary before the first text needs it."""
    tokenizer()


def featurise(text: str) -> Features:
    """All features of a normalised text: words, word pairs, and character 2- to 4-grams."""
    text = text.translate(_DIGITS)
    found = _words(text)
    pieces = [piece.span() for piece in _PIECE.finditer(text)]
    for n in NGRAMS:
        for start, end in pieces:
            places = range(start, end - n + 1)
            found.names.extend(["c:" + text[at : at + n] for at in places])
            found.starts.extend(places)
            found.ends.extend(range(start + n, end + 1))
    return found


def _words(text: str) -> Features:
    """Each word, followed by the pair that it is the first of."""
    words = [word for word in tokenizer().tokenize(text) if not word[0].isspace()]
    names: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for (word, start, end), (following, _, stop) in pairwise([*words, _NO_WORD]):
        names += ("w:" + word, f"p:{word}_{following}")
        starts += (start, start)
        ends += (end, stop)
    return Features(names[:-1], starts[:-1], ends[:-1])
