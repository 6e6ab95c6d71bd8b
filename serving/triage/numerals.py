"""Numbers as people write them in Chinese: 三十多, 五万八, 5w, 2.3万, 58,000, 十几万, 一百来.

Vague numbers are read at their lower bound (十几 = 11, 三十多 = 30, 几万 = 3 万), so that a
threshold is never crossed by a guess.
"""

from __future__ import annotations

import re
from typing import Final

_DIGIT_CHARS: Final = (
    "零〇",
    "一壹",
    "二两俩贰",
    "三叁",
    "四肆",
    "五伍",
    "六陆",
    "七柒",
    "八捌",
    "九玖",
)
DIGITS: Final = {char: value for value, chars in enumerate(_DIGIT_CHARS) for char in chars}
SMALL_UNITS: Final = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000, "k": 1000}
LARGE_UNITS: Final = {"万": 10_000, "w": 10_000, "亿": 100_000_000}
# 几 and 数 before a unit stand for "three or more" (几万, 数十); after 十 for "one or more".
_SEVERAL_CHARS: Final = frozenset("几数")
_VAGUE_CHARS: Final = frozenset("多来余")
_SEVERAL: Final = 3
_SEVERAL_AFTER_TEN: Final = 1
# 两三个, 三五个: two digits at most this far apart, rising, are a range.
_RANGE_STEP: Final = 2

_START: Final = "0-9" + "".join(DIGITS) + "".join(SMALL_UNITS).replace("k", "") + "万亿几数"
# A run of number characters, to be found in a text and handed to `parse`.
# The 一 of 一直, 一些, 一样… is no digit: 五万八一直没到账. 万一 means "in case".
RUN: Final = rf"(?!万一)[{_START}](?:(?!一[直些样共起旦下点定])[{_START}多来余,.wk]){{0,19}}"
_RUN = re.compile(RUN)
_TOKEN = re.compile(r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,4})?|\d+(?:\.\d{1,6})?|.")


def parse(run: str) -> float | None:
    """Value of a run of number characters, or None where it is not one number."""
    run = run.strip(",.多来余")
    if not run or not _RUN.fullmatch(run):
        return None
    reader = _Reader()
    for token in _TOKEN.findall(run):
        if not reader.take(token):
            return None
    return reader.finish()


class _Reader:
    """Adds up one number token by token: total of 万/亿 sections, open section, pending digits."""

    def __init__(self) -> None:
        self.total = 0.0
        self.section = 0.0
        self.digits: list[float] = []
        self.unit = 0  # the unit read last; 0 = none yet
        self.zero = False  # a 零 after a unit ends the "五万八 = 58000" reading
        self.arabic = False

    def take(self, token: str) -> bool:
        if token.isascii() and token[0].isdigit():
            if any(self.digits) or self.arabic:
                return False
            self.digits, self.arabic = [float(token.replace(",", ""))], True
        elif token in DIGITS:
            return self._digit(DIGITS[token])
        elif token in _SEVERAL_CHARS:
            after_ten = self.unit == SMALL_UNITS["十"]
            return self._digit(_SEVERAL_AFTER_TEN if after_ten else _SEVERAL)
        elif token in SMALL_UNITS:
            self._small(SMALL_UNITS[token])
        elif token in LARGE_UNITS:
            self._large(LARGE_UNITS[token])
        else:
            return token in _VAGUE_CHARS
        return True

    def finish(self) -> float | None:
        rest = self._pending()
        if rest is None:
            return None
        # 五万八 = 5.8 万, 三百五 = 350, 3万5 = 35000; but 一万零五 = 10005, 十五 = 15.
        if self.unit > SMALL_UNITS["十"] and not self.zero and 0 < rest < SMALL_UNITS["十"]:
            rest *= self.unit / 10
        return self.total + self.section + rest

    def _digit(self, value: int) -> bool:
        if self.arabic:
            return False
        self.zero = self.zero or (value == 0 and self.unit > 0)
        self.digits.append(float(value))
        return True

    def _pending(self) -> float | None:
        """Digits since the last unit: 两三 = 2 (a range's lower end), 二零二三 = 2023, 零五 = 5."""
        digits = self.digits
        if len(digits) < 2:
            return digits[0] if digits else 0.0
        first, second = digits[:2]
        if len(digits) == 2 and first > 0 and 0 < second - first <= _RANGE_STEP:
            return first
        if self.unit and first != 0:
            return None
        return float("".join(str(int(digit)) for digit in digits))

    def _small(self, unit: int) -> None:
        self.section += (self._pending() or 1.0) * unit
        self._close(unit)

    def _large(self, unit: int) -> None:
        self.section += self._pending() or 0.0
        if self.section == 0 and self.total == 0:
            self.section = 1.0
        if unit > self.unit and self.unit in LARGE_UNITS.values():
            self.total, self.section = (self.total + self.section) * unit, 0.0
        else:
            self.total, self.section = self.total + self.section * unit, 0.0
        self._close(unit)

    def _close(self, unit: int) -> None:
        self.digits, self.unit, self.zero, self.arabic = [], unit, False, False
