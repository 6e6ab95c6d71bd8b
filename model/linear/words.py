"""The words of a text as jieba cuts them, most by its port in Rust (docs/decisions/0018)."""

from __future__ import annotations

import functools
import logging
import re
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise

import jieba
import rjieba

# jieba's own: what stands between two of these holds no word of the dictionary.
_BLOCKS = jieba.re_han_default
_BLANKS = jieba.re_skip_default
# Where rjieba cuts as jieba does; it takes 3-5 for one number.
_PLAIN = re.compile("[\u4e00-\u9fd5a-zA-Z0-9]+")


class Cutter:
    """Cuts texts into words. Immutable after loading, so any number of threads may share it."""

    def __init__(self) -> None:
        jieba.setLogLevel(logging.WARNING)
        self._jieba = jieba.Tokenizer()
        self._jieba.initialize()
        self._jieba.FREQ = _Counts(self._jieba.FREQ)

    def cut(self, text: str) -> list[str]:
        """What `jieba.lcut(text)` gives; joined, the words are the text."""
        words: list[str] = []
        for block in _BLOCKS.split(text):
            if _BLOCKS.match(block):
                alike = _PLAIN.fullmatch(block) and not _may_tie(block)
                words += rjieba.cut(block) if alike else self._jieba.lcut(block)
            else:
                for piece in _BLANKS.split(block):
                    # A mark is a word by itself, a blank a word as a whole.
                    words += [piece] if _BLANKS.match(piece) else [*piece]
        return words


def _may_tie(block: str) -> bool:
    """Whether cuts of it may be as likely as each other, but for the rounding of their sums.

    So it is where characters that no word holds come in the same order twice (经达达达画):
    jieba and its port add up in different orders.
    """
    if not _repeats(block):
        return False
    lone = "".join(word if len(word) == 1 else " " for word in rjieba.cut(block, hmm=False))
    return any(_repeats(run) for run in lone.split())


def _repeats(text: str) -> bool:
    """Whether two characters follow each other in it more than once."""
    return len({*pairwise(text)}) < len(text) - 1


class _Counts:
    """How often each word of jieba's dictionary stands in its corpus, 0 if it only begins words.

    A dict of its 498,113 strings takes 98 MB and is seldom asked. Here they are hashes of 64 bits:
    two are alike in one of a hundred million processes.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        order = sorted(counts, key=_hash)
        self._hashes = array("q", map(_hash, order))
        self._counts = array("i", map(counts.__getitem__, order))

    def get(self, word: str, default: int | None = None) -> int | None:
        sought = _hash(word)
        at = bisect_left(self._hashes, sought)
        found = at < len(self._hashes) and self._hashes[at] == sought
        return self._counts[at] if found else default

    def __getitem__(self, word: str) -> int:
        if (count := self.get(word)) is None:
            raise KeyError(word)
        return count

    def __contains__(self, word: str) -> bool:
        return self.get(word) is not None


def _hash(word: str) -> int:
    """Of its bytes: Python gives a string and one of half as wide characters the same hash."""
    return hash(word.encode())


@functools.cache
def cutter() -> Cutter:
    """The one cutter; its dictionary takes about a second to load."""
    return Cutter()
