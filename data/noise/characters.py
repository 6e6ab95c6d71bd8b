"""Slips on single characters: look-alikes, misreadings, omissions, swaps, width and script."""

from __future__ import annotations

import functools
import re
from random import Random

import opencc

from data.noise.places import chosen, replaced

# Written by hand or on a drawing keyboard, these are taken for each other.
_ALIKE = (
    "己已 未末 人入 土士 日曰 干千于 今令 代伐 住往 折拆析 拔拨 贷货 赔陪倍 账胀 帐怅 息熄 请清情 "
    "诉拆 投没 客容 经径 理埋 银很 行衍 扣和 还坏 期斯 额颜 用甩 网冈 柜拒 待侍 话活 "
    "给络 失矢 夫天 问间 回四 困因 电申由 "
    "特持 时对 要耍 催摧"
)
_OCR = (
    "0O 1l 5S 8B 2Z 日曰 口囗 一- 二= 人入 工T 元无 行衍 账胀 力刀 士土 木本 己已 王主 未末 因困 "
    "贝见 干千 石右 白自 目日 大太 治冶 段叚 候侯 侍待 项顶 币巾 万方 今令 网冈 西酉 析折"
)
# What follows a digit is its unit or part of a date: 元, 万, 月.
_CHINESE = re.compile(r"(?<!\d)[\u4e00-\u9fff]")
_WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
_NARROW = {v: chr(k) for k, v in _WIDE.items() if isinstance(v, str)}
_SWITCH = str.maketrans({**{chr(k): v for k, v in _WIDE.items()}, **_NARROW})
_WIDTH_RUN = re.compile(r"[a-zA-Z]+|\d+|[！-～]|[!-/:-@]")


def _table(groups: str) -> dict[str, str]:
    """Each character with all it may be taken for."""
    table: dict[str, str] = {}
    for group in groups.split():
        for char in group:
            table[char] = table.get(char, "") + group.replace(char, "")
    return table


_GLYPHS = _table(_ALIKE)
_MISREAD = _table(_OCR)


def glyph(text: str, strength: float, random: Random) -> str:
    """Look-alikes."""
    return _slips(text, _GLYPHS, strength, random)


def ocr(text: str, strength: float, random: Random) -> str:
    """Misread signs, then blanks between characters at a fifth of the rate."""
    chars = list(_slips(text, _MISREAD, strength, random))
    for i in chosen(range(1, len(chars)), strength / 5, random):
        chars[i] = f" {chars[i]}"
    return "".join(chars)


def _slips(text: str, table: dict[str, str], strength: float, random: Random) -> str:
    chars = list(text)
    for i in chosen([i for i, char in enumerate(chars) if char in table], strength, random):
        chars[i] = random.choice(table[chars[i]])
    return "".join(chars)


def drop_char(text: str, strength: float, random: Random) -> str:
    """Chinese characters left out, never every one, never digits or their units."""
    places = [match.start() for match in _CHINESE.finditer(text)]
    dropped = set(chosen(places, strength, random)[: max(0, len(places) - 1)])
    return "".join([char for i, char in enumerate(text) if i not in dropped])


def swap(text: str, strength: float, random: Random) -> str:
    """Neighbouring Chinese characters change places; no character moves twice."""
    chars = list(text)
    pairs = [m.start() for m in re.finditer(r"(?=[\u4e00-\u9fff]{2})", text)]
    moved = -1
    for i in chosen(pairs, strength / 2, random):
        if i > moved:
            chars[i], chars[i + 1] = chars[i + 1], chars[i]
            moved = i + 1
    return "".join(chars)


def width(text: str, strength: float, random: Random) -> str:
    """Runs of letters and digits and single marks change between half and full width."""
    return replaced(text, _WIDTH_RUN, strength, random, lambda run: run.translate(_SWITCH))


def traditional(text: str, _strength: float, _random: Random) -> str:
    """Simplified to traditional, phrase by phrase."""
    return str(_converter().convert(text.encode("utf-8", "ignore").decode()))


@functools.cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")
