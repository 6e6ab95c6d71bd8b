"""Days between two dates of a text, the later one said to be now: 6月11日登记，今天7月20了.

The year is seldom written, so dates are read as days of one year and a fall from December to
January as the turn of the year. A month without a day is read at its end in the earlier date and at
its start in the later one, so that a threshold is never crossed by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from serving.triage.numerals import parse

_NUMBER: Final = r"\d{1,2}|[一二三四五六七八九十]{1,3}"
_DATE = re.compile(
    rf"(?<![\d.])(?:(?P<year>20\d\d)[年./-])?(?P<month>{_NUMBER})"
    rf"(?:月(?:份)?(?:(?P<day>{_NUMBER})(?=[日号\s,。!?了到就至还.;(]|$)|(?![个底]?[以之]?后|内))"
    r"|[./-](?P<short>\d{1,2})(?![\d万%元块.]))"
)
# Right before the later date (今天5月22日, 至今7月18日), or right after it (六月还没人理).
_NOW_BEFORE = re.compile(r"(?:今天|今日|现在|到|至今|至|迄|今已|截至|都)(?:是|已|了|今天)?\s?\Z")
_NOW_AFTER = re.compile(r"[日号]?[,\s]?(?:了|还没|还是|还在|仍|都没|也没|都过|快过|才|没人|没信)")
_BEFORE: Final = 6
# Dates further apart are of different stories, and one text rarely tells of more than a few.
_MAX_DAYS: Final = 330
_MAX_DATES: Final = 24
_MONTH_DAYS: Final = 30.4
_YEAR_DAYS: Final = 365
_MAX_DAY: Final = 31
_MONTHS: Final = 12


def elapsed(text: str) -> Iterator[tuple[float, int, int]]:
    """(days, start, end) for each later date of a normalised text, reckoned from the earliest."""
    first: float | None = None
    for number, match in enumerate(_DATE.finditer(text)):
        if number >= _MAX_DATES:
            return
        months, day = _number(match["month"]), _number(match["day"] or match["short"])
        if not 1 <= months <= _MONTHS or day > _MAX_DAY:
            continue
        if first is not None and _is_now(text, match):
            days = (_place(months, day or 1) - first) % _YEAR_DAYS
            if 0 < days <= _MAX_DAYS:
                yield days, match.start(), match.end()
        elif first is None:
            first = _place(months, day or _MAX_DAY)


def _number(written: str | None) -> int:
    return int(parse(written) or 0) if written else 0


def _place(month: int, day: int) -> float:
    return (month - 1) * _MONTH_DAYS + day


def _is_now(text: str, match: re.Match[str]) -> bool:
    start = max(0, match.start() - _BEFORE)
    return bool(
        _NOW_BEFORE.search(text, start, match.start()) or _NOW_AFTER.match(text, match.end())
    )
