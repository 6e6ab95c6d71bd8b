"""The words of a text: jieba's cuts, found with half the work."""

from __future__ import annotations

import functools
import logging
from math import inf, log

import jieba


class _Tokenizer(jieba.Tokenizer):  # type: ignore[misc]
    """Takes the logarithms of the dictionary's frequencies once instead of for every text.

    `FREQ` then holds a word's log probability, 0 for what only begins words; jieba itself asks it
    for no more than whether a word is there.
    """

    FREQ: dict[str, float]

    def __init__(self) -> None:
        super().__init__()
        self.initialize()
        whole = log(self.total)
        self.unseen = log(1) - whole
        for word, count in self.FREQ.items():
            if count:
                self.FREQ[word] = log(count) - whole

    def get_DAG(self, sentence: str) -> None:  # noqa: N802 - jieba's name
        """Nothing: `calc` looks the words up as it goes."""

    def calc(self, sentence: str, _: None, route: dict[int, tuple[float, int]]) -> None:
        """The likeliest cuts, from the end: per place the log probability and the word's last.

        Of cuts as likely as each other the one with the longer word, as in jieba.
        """
        find, length = self.FREQ.get, len(sentence)
        best = [0.0] * (length + 1)
        for start in range(length - 1, -1, -1):
            top, last = -inf, start
            for stop in range(start + 1, length + 1):
                known = find(sentence[start:stop])
                if known is None:
                    break
                if known and (chance := known + best[stop]) >= top:
                    top, last = chance, stop - 1
            best[start] = self.unseen + best[start + 1] if top == -inf else top
            route[start] = best[start], last


@functools.cache
def tokenizer() -> jieba.Tokenizer:
    """The one tokenizer; its dictionary takes about a second to load."""
    jieba.setLogLevel(logging.WARNING)
    return _Tokenizer()
