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
from dataclasses import dataclass

import opencc

# A run of the same mark says no more than three of it ("！！！！！！" → "！！！" → "!!!").
_MAX_REPEAT = 3
_REPEATABLE = re.compile(r"([^\w\s])\1{3,}|([哈呵嘿啊呜])\2{3,}", re.UNICODE)
# Zero-width, bidi, soft hyphen and variation selectors: category Cf, plus the selectors (Mn).
_SELECTORS = range(0xFE00, 0xFE10)
# CJK radical forms that NFKC leaves alone (Kangxi radicals it does fold).
_RADICALS = str.maketrans(
    "⺠⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻤⻥⻦⻨⻩⻬⻮⻰⻳", "民见角贝车长门青韦页风飞食马鬼鱼鸟麦黄齐齿龙龟"
)
_PUNCTUATION = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "—": "-", "–": "-", "…": "."}
)


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
        return self.starts[start], max(self.ends[start:end])


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
    """Fold `original`. Never fails: lone surrogates and controls are dropped or replaced."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(original):
        for char in _fold(original[start:end]):
            chars.append(char)
            starts.append(start)
            ends.append(end)
    text = _simplify("".join(chars))
    keep = _kept(text)
    return NormalisedText(
        original=original,
        text="".join(text[i] for i in keep),
        starts=tuple(starts[i] for i in keep),
        ends=tuple(ends[i] for i in keep),
    )


def _clusters(text: str) -> list[tuple[int, int]]:
    """Split into base characters with their combining marks, the unit NFKC may compose."""
    bounds = [i for i, char in enumerate(text) if i == 0 or not unicodedata.combining(char)]
    return list(zip(bounds, [*bounds[1:], len(text)], strict=True))


@functools.lru_cache(maxsize=32_768)
def _fold(cluster: str) -> str:
    out = []
    for char in unicodedata.normalize("NFKC", cluster).translate(_RADICALS).translate(_PUNCTUATION):
        category = unicodedata.category(char)
        if char.isspace():
            out.append("\n" if char in "\n\r" else " ")
        elif category in ("Cc", "Cf", "Cs", "Co") or ord(char) in _SELECTORS:
            continue
        else:
            out.append(char.lower())
    return "".join(out)


def _simplify(text: str) -> str:
    """Traditional → simplified, one character for one so that offsets hold."""
    if text.isascii():
        return text
    whole = _converter().convert(text)
    if len(whole) == len(text):
        return str(whole)
    # A phrase changed length: convert character by character, where none can.
    return "".join(c if len(s := _converter().convert(c)) != 1 else s for c in text)


def _kept(text: str) -> list[int]:
    """Indices that survive: runs of one mark and of blanks are cut, outer blanks removed."""
    drop = set()
    for match in _REPEATABLE.finditer(text):
        drop.update(range(match.start() + _MAX_REPEAT, match.end()))
    for match in re.finditer(r"\s{2,}", text):
        first = match.start() + match.group().find("\n") if "\n" in match.group() else match.start()
        drop.update(i for i in range(match.start(), match.end()) if i != first)
    left = len(text) - len(text.lstrip())
    right = len(text.rstrip())
    return [i for i in range(left, right) if i not in drop]
