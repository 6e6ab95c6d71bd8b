"""The one normaliser, used by training and serving alike.

Width, compatibility and traditional forms are folded so that one word has one spelling; every
character of the result remembers which characters of the original it came from, so that evidence
and rule hits are reported on what the customer wrote.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import opencc

# A run of the same mark says no more than three of it ("！！！！！！" → "！！！" → "!!!").
_MAX_REPEAT = 3
_RUNS = re.compile(r"\s{2,}|([^\w\s])\1{3,}|([哈呵嘿啊呜])\2{3,}")
# Marks that show nothing by themselves yet are not of category Cf: variation selectors (also the
# supplement, used for ideographic variants), Mongolian ones and the grapheme joiner.
_SELECTORS = frozenset(
    (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x34F, *range(0x180B, 0x180E), 0x180F)
)
# Letters by category, blanks to the eye: Hangul fillers and the empty Braille cell.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# CJK radical forms that NFKC leaves alone (Kangxi radicals it does fold).
_RADICALS = str.maketrans(
    "⺠⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻱⻳",
    "民虎西见角贝车长长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾齐齿龙龟龟",
)
_PUNCTUATION = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "…": ".", **dict.fromkeys("‐‑‒–—―−", "-")}
)
# 帳 becomes 帐 by OpenCC, and many write 帐户 anyway: one spelling for the bank's commonest word.
_VARIANT, _COMMON = "帐", "账"
# More combining marks on one character than this say nothing and cost quadratic time to sort.
_MAX_MARKS = 8
# Stands for "this character does not fold to exactly one": any private-use character will do,
# since they are dropped from the text.
_IRREGULAR = "\ue000"
_MAX_CACHED = 32_768


@dataclass(frozen=True, slots=True)
class NormalisedText:
    """Text after folding; `starts[i]`:`ends[i]` is where character i stands in `original`."""

    original: str
    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original span behind `text[start:end]`; an empty span stays empty."""
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else len(self.original)
            return at, at
        return self.starts[start], self.ends[min(end, len(self.ends)) - 1]


@functools.cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


# What the fingerprint folds: ASCII, punctuation, radicals, CJK, compatibility and width forms.
_PROBE = ((0x20, 0x7F), (0x2000, 0x2070), (0x2E80, 0x33FF), (0x4E00, 0x9FA6), (0xF900, 0xFFEF))


@functools.cache
def fingerprint() -> str:
    """Hash of what the rules do to every character that matters; bundles are stamped with it.

    It is taken from behaviour, not from version numbers, so that a newer OpenCC or Unicode that
    folds these characters alike keeps serving older bundles.
    """
    folded = [_simplify(_fold(chr(code))) for first, last in _PROBE for code in range(first, last)]
    folded.append(normalise("a\u0301 哈哈哈哈哈!!!!!  \n 完").text)
    return hashlib.sha256("\0".join(folded).encode()).hexdigest()[:16]


def normalise(original: str) -> NormalisedText:
    """Fold `original`. Never fails: lone surrogates and controls are dropped."""
    text = original.translate(_SINGLES)
    starts: Sequence[int] = range(len(original))
    ends: Sequence[int] = range(1, len(original) + 1)
    if _IRREGULAR in text:
        text, starts, ends = _fold_irregular(original, text)
    text = _simplify(text)
    kept = _kept(text)
    return NormalisedText(
        original=original,
        text="".join([text[part] for part in kept]),
        starts=tuple(chain.from_iterable([starts[part] for part in kept])),
        ends=tuple(chain.from_iterable([ends[part] for part in kept])),
    )


def _fold_irregular(original: str, folded: str) -> tuple[str, list[int], list[int]]:
    """The same for texts in which a character folds to none or several, or joins another."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(original, folded):
        single = end - start == 1 and folded[start] != _IRREGULAR
        piece = folded[start] if single else _fold(_visible(original[start:end]))
        pieces.append(piece)
        starts.extend([start] * len(piece))
        ends.extend([end] * len(piece))
    return "".join(pieces), starts, ends


def _clusters(original: str, folded: str) -> list[tuple[int, int]]:
    """Base characters with their combining marks, the unit NFKC may compose.

    Invisible characters are left out, or lie within a cluster whose marks follow them.
    """
    clusters: list[tuple[int, int]] = []
    for i, char in enumerate(folded):
        if char != _IRREGULAR:
            clusters.append((i, i + 1))
        elif (role := _role(original[i])) == "mark" and clusters:
            clusters[-1] = (clusters[-1][0], i + 1)
        elif role != "hidden":
            clusters.append((i, i + 1))
    return clusters


@functools.lru_cache(maxsize=_MAX_CACHED)
def _role(char: str) -> Literal["base", "mark", "hidden"]:
    """Half-width voicing marks (ﾞ) only combine once NFKC has folded them."""
    if _hidden(char):
        return "hidden"
    return "mark" if unicodedata.combining(unicodedata.normalize("NFKC", char)[0]) else "base"


def _hidden(char: str) -> bool:
    if char.isspace():
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") or ord(char) in _SELECTORS


def _visible(cluster: str) -> str:
    """Without hidden characters and with no more marks than could matter; so it is short."""
    return "".join([c for c in cluster if not _hidden(c)][: 4 * _MAX_MARKS])


@functools.lru_cache(maxsize=_MAX_CACHED)
def _fold(cluster: str) -> str:
    """Lower case can open a new composition (H + macron below), hence the second turn."""
    out: list[str] = []
    marks = 0
    for char in _composed(_composed(cluster)):
        marks = marks + 1 if unicodedata.combining(char) else 0
        if char.isspace() or char in _BLANKS:
            out.append("\n" if char in "\n\r" else " ")
        elif marks <= _MAX_MARKS and not _hidden(char):
            out.append(char)
    return "".join(out)


def _composed(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_RADICALS).translate(_PUNCTUATION)
    return unicodedata.normalize("NFKC", folded.lower())


class _Singles(dict[int, str]):
    """For `str.translate`: what a character folds to by itself, worked out on first sight."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = _fold(char) if _role(char) == "base" else ""
        single = folded if len(folded) == 1 else _IRREGULAR
        if len(self) < _MAX_CACHED:
            self[code] = single
        return single


_SINGLES = _Singles()


def _simplify(text: str) -> str:
    """Traditional → simplified, one character for one so that offsets hold."""
    if text.isascii():
        return text
    whole = str(_converter().convert(text))
    if len(whole) != len(text):
        # A phrase changed length: convert character by character, where none can.
        whole = "".join(c if len(s := _converter().convert(c)) != 1 else s for c in text)
    return whole.replace(_VARIANT, _COMMON)


def _kept(text: str) -> list[slice]:
    """What survives: runs of one mark and of blanks are cut, outer blanks removed."""
    left = len(text) - len(text.lstrip())
    right = len(text.rstrip())
    kept = []
    for run in _RUNS.finditer(text, left, right):
        kept.append(slice(left, run.start() + (0 if run.group().isspace() else _MAX_REPEAT)))
        if run.group().isspace():
            newline = run.group().find("\n")
            kept.append(slice(run.start() + max(newline, 0), run.start() + max(newline, 0) + 1))
        left = run.end()
    return [*kept, slice(left, max(left, right))]
