"""Features of the linear model, computed alike when it is trained and when it serves."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from typing import NamedTuple

import jieba

NGRAMS = (2, 3, 4)
# Amounts, dates and card numbers are many; that there is a number of so many digits is enough.
_DIGITS = str.maketrans("123456789", "000000000")


class Feature(NamedTuple):
    """One occurrence of a feature and the normalised characters it covers."""

    name: str
    start: int
    end: int


@functools.cache
def _tokenizer() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    return tokenizer


def warm_up() -> None:
    """Load jieba's dictionary (about a second) before the first text needs it."""
    _tokenizer()


def featurise(text: str) -> Iterator[Feature]:
    """All features of a normalised text: words, word pairs, and character 2- to 4-grams."""
    text = text.translate(_DIGITS)
    words = [
        (word, start, end) for word, start, end in _tokenizer().tokenize(text) if not word.isspace()
    ]
    for i, (word, start, end) in enumerate(words):
        yield Feature("w:" + word, start, end)
        if i + 1 < len(words):
            following, _, stop = words[i + 1]
            yield Feature(f"p:{word}_{following}", start, stop)
    for n in NGRAMS:
        for start in range(len(text) - n + 1):
            gram = text[start : start + n]
            if "\n" not in gram and " " not in gram:
                yield Feature("c:" + gram, start, start + n)
