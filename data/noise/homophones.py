"""Slips of a phonetic keyboard: another character or word of the same toneless sound."""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from random import Random

from data.noise.places import chosen

_COMMON_CHARS = 3_000
_COMMON_WORDS = 20_000
_CHOICES = 6
# A keyboard offers whole words, so a slip takes a word where one can be had, most of the time.
_WORD_SHARE = 0.6
_ONE = re.compile(r"[\u4e00-\u9fff]")

Rivals = dict[str, tuple[tuple[str, ...], tuple[int, ...]]]


def homophone(text: str, strength: float, random: Random) -> str:
    """Replace a share of the characters, frequent rivals first. Loads tables on first use."""
    chars, words = _rivals()
    out = list(text)
    taken = -1
    for i in chosen([i for i, char in enumerate(text) if char in chars], strength, random):
        if i <= taken:
            continue
        pair = text[i : i + 2]
        table, old = (words, pair) if _as_word(pair, words, random) else (chars, text[i])
        choices, weights = table[old]
        taken = i + len(old) - 1
        out[i : taken + 1] = random.choices(choices, weights)[0]
    return "".join(out)


def _as_word(pair: str, words: Rivals, random: Random) -> bool:
    return pair in words and random.random() < _WORD_SHARE


@functools.cache
def _rivals() -> tuple[Rivals, Rivals]:
    """For each common character, and each common word of two, the others of the same sound."""
    chars: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for word, count in _frequencies():
        for char in _ONE.findall(word):
            chars[char] += count
        if len(word) == 2 and len(_ONE.findall(word)) == 2:
            words[word] += count
    return _by_sound(chars, _COMMON_CHARS), _by_sound(words, _COMMON_WORDS)


def _frequencies() -> Iterable[tuple[str, int]]:
    import jieba

    with Path(jieba.__file__).with_name("dict.txt").open(encoding="utf-8") as lines:
        for line in lines:
            word, count, *_ = line.split(" ")
            yield word, int(count)


def _by_sound(counts: Counter[str], size: int) -> Rivals:
    from pypinyin import lazy_pinyin

    common = sorted(counts, key=lambda item: (-counts[item], item))[:size]
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for item in common:
        groups[tuple(lazy_pinyin(item))].append(item)
    rivals: Rivals = {}
    for group in groups.values():
        for item in group:
            if others := [other for other in group if other != item][:_CHOICES]:
                rivals[item] = (tuple(others), tuple(counts[other] + 1 for other in others))
    return rivals
