"""Features of the linear model, computed alike when it is trained and when it serves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from model.linear.words import cutter

NGRAMS: Final = (2, 3, 4)
GRAM: Final = "c:"
"""What the name of a character n-gram begins with."""
# Amounts, dates and card numbers are many; that there is a number of so many digits is enough.
_DIGITS = str.maketrans("123456789", "000000000")
# No n-gram reaches over a blank.
_PIECE = re.compile(r"[^ \n]+")


@dataclass(frozen=True, slots=True)
class Features:
    """Occurrences of features, name by name with the normalised characters each covers."""

    names: list[str]
    starts: list[int]
    ends: list[int]


def warm_up() -> None:
    """Load jieba's dictionary before the first text needs it."""
    cutter()


def featurise(text: str) -> Features:
    """All features of a normalised text: words, word pairs, and character 2- to 4-grams.

    For a vocabulary that is yet to be made; what one knows of a text, `Columns.find` tells faster.
    """
    text = digits_folded(text)
    found = words(text)
    pieces = [piece.span() for piece in _PIECE.finditer(text)]
    for n in NGRAMS:
        for start, end in pieces:
            places = range(start, end - n + 1)
            found.names.extend([GRAM + text[at : at + n] for at in places])
            found.starts.extend(places)
            found.ends.extend(range(start + n, end + 1))
    return found


def digits_folded(text: str) -> str:
    """With every digit as 0."""
    return text.translate(_DIGITS)


def words(text: str) -> Features:
    """Each word, followed by the pair that it is the first of; digits are folded already."""
    names: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    stop = 0
    before: tuple[str, int] | None = None
    for word in cutter().cut(text):
        start, stop = stop, stop + len(word)
        if word.isspace():
            continue
        if before is not None:
            names.append(f"p:{before[0]}_{word}")
            starts.append(before[1])
            ends.append(stop)
        names.append("w:" + word)
        starts.append(start)
        ends.append(stop)
        before = word, start
    return Features(names, starts, ends)
