"""The words of a text as jieba cuts them, most by its port in Rust (docs/decisions/0018)."""

from __future__ import annotations

import functools
import logging
import re
from array import array
from bisect import bisect_left
from math import inf, log

import jieba
import rjieba
from jieba import finalseg

# jieba's own: what stands between two of these holds no word of the dictionary.
_BLOCKS = jieba.re_han_default
_BLANKS = jieba.re_skip_default
# Where rjieba cuts as jieba does; it takes 3-5 for one number.
_PLAIN = re.compile("[\u4e00-\u9fd5a-zA-Z0-9]+")
_HAN = re.compile("[\u4e00-\u9fd5]+")
_NEVER = finalseg.MIN_FLOAT


class Cutter:
    """Cuts texts into words. Immutable after loading, so any number of threads may share it."""

    def __init__(self) -> None:
        jieba.setLogLevel(logging.WARNING)
        plain = jieba.Tokenizer()
        plain.initialize()
        whole = log(plain.total)
        # Some 500,000 strings in a dict are 100 MB and seldom asked for; two of them have the same
        # hash of 64 bits in one of a hundred million processes.
        order = sorted(plain.FREQ, key=_hash)
        self._hashes = array("q", map(_hash, order))
        # A word's log probability; 0 for what only begins words. jieba takes the logarithms of a
        # text's words anew for each text.
        self._chances = array("d", (log(n) - whole if (n := plain.FREQ[w]) else 0.0 for w in order))
        self._unseen = log(1) - whole

    def cut(self, text: str) -> list[str]:
        """What `jieba.lcut(text)` gives; joined, the words are the text."""
        words: list[str] = []
        for block in _BLOCKS.split(text):
            if _PLAIN.fullmatch(block):
                words += rjieba.cut(block)
            elif _BLOCKS.match(block):
                self._cut_block(block, words)
            else:
                for piece in _BLANKS.split(block):
                    # A mark is a word by itself, a blank a word as a whole.
                    words += [piece] if _BLANKS.match(piece) else [*piece]
        return words

    def _known(self, word: str) -> float | None:
        """A word's log probability, 0 if it only begins words; None where it does not even that."""
        sought = _hash(word)
        at = bisect_left(self._hashes, sought)
        found = at < len(self._hashes) and self._hashes[at] == sought
        return self._chances[at] if found else None

    def _cut_block(self, block: str, words: list[str]) -> None:
        stops = self._stops(block)
        at, lone = 0, 0
        # What is left over between words, one character each, may be words not in the dictionary.
        while at < len(block):
            stop = stops[at]
            if stop - at > 1:
                if lone < at:
                    words += self._left_over(block[lone:at])
                words.append(block[at:stop])
                lone = stop
            at = stop
        if lone < at:
            words += self._left_over(block[lone:])

    def _stops(self, block: str) -> list[int]:
        """Where the word ends that begins at each place, by the likeliest cuts from there on.

        Of cuts as likely as each other the one with the longer word, as in jieba.
        """
        find, length = self._known, len(block)
        best = [0.0] * (length + 1)
        stops = [0] * length
        for start in range(length - 1, -1, -1):
            top, last = -inf, start + 1
            for stop in range(start + 1, length + 1):
                known = find(block[start:stop])
                if known is None:
                    break
                if known and (chance := known + best[stop]) >= top:
                    top, last = chance, stop
            best[start] = self._unseen + best[start + 1] if top == -inf else top
            stops[start] = last
        return stops

    def _left_over(self, run: str) -> list[str]:
        if len(run) == 1 or self._known(run):
            return [*run]
        return _guessed(run) if _HAN.fullmatch(run) else list(finalseg.cut(run))


def _hash(word: str) -> int:
    """Of its bytes: Python gives a string and one of half as wide characters the same hash."""
    return hash(word.encode())


def _guessed(run: str) -> list[str]:
    """Words by jieba's hidden Markov model: its Viterbi, written out for its four states.

    A character begins a word, is inside, ends one or is one by itself (B, M, E, S). Of paths as
    likely as each other jieba takes the state that comes last in the alphabet.
    """
    begin, inside, end, single = (
        finalseg.start_P[state] + finalseg.emit_P[state].get(run[0], _NEVER) for state in "BMES"
    )
    # For each further character, whether it is preceded by: S rather than E as B or S, M rather
    # than B as M or as E.
    steps: list[tuple[bool, bool, bool, bool]] = []
    for char in run[1:]:
        b, m, e, s = (emits.get(char, _NEVER) for emits in _EMITS)
        end_begin, single_begin = end + _EB + b, single + _SB + b
        begin_inside, inside_inside = begin + _BM + m, inside + _MM + m
        begin_end, inside_end = begin + _BE + e, inside + _ME + e
        end_single, single_single = end + _ES + s, single + _SS + s
        steps.append(
            (
                single_begin >= end_begin,
                inside_inside >= begin_inside,
                inside_end >= begin_end,
                single_single >= end_single,
            )
        )
        begin, inside = max(end_begin, single_begin), max(begin_inside, inside_inside)
        end, single = max(begin_end, inside_end), max(end_single, single_single)
    state, stop = "S" if single >= end else "E", len(run)
    words: list[str] = []
    for at in range(len(run) - 1, 0, -1):
        by_begin, by_inside, by_end, by_single = steps[at - 1]
        if state in "BS":
            words.append(run[at:stop])
            stop = at
            state = "S" if (by_begin if state == "B" else by_single) else "E"
        else:
            state = "M" if (by_inside if state == "M" else by_end) else "B"
    words.append(run[:stop])
    return words[::-1]


_EMITS = tuple(finalseg.emit_P[state] for state in "BMES")
_EB, _SB = finalseg.trans_P["E"]["B"], finalseg.trans_P["S"]["B"]
_BM, _MM = finalseg.trans_P["B"]["M"], finalseg.trans_P["M"]["M"]
_BE, _ME = finalseg.trans_P["B"]["E"], finalseg.trans_P["M"]["E"]
_ES, _SS = finalseg.trans_P["E"]["S"], finalseg.trans_P["S"]["S"]


@functools.cache
def cutter() -> Cutter:
    """The one cutter; its dictionary takes about a second to load."""
    return Cutter()
