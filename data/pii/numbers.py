"""Runs of digits: identity cards, bank cards, telephones, and long numbers of unknown kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from data.pii.checks import card, identity, landline, mobile, service
from data.pii.scan import BLANK, Hit, context

# Single separators only: two in a row end a number. ")" closes an area code.
_RUN = re.compile(r"\d(?:[-. _·)]?\d)*(?:[- ]?x(?![a-z0-9]))?")
_GROUP = re.compile(r"\d+x?|x")
SPOKEN_DIGITS = str.maketrans(
    "零〇○一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "0001234567891123456789"
)
_SPOKEN = r"[零〇○一二三四五六七八九幺壹贰叁肆伍陆柒捌玖\d]"
_SPOKEN_RUN = re.compile(rf"{_SPOKEN}(?:[ -]?{_SPOKEN}){{3,}}+")
_TIMESTAMP = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d([0-5]\d)?"
)
_EXTENSION = re.compile(r"(?:转|-|#)\d{1,5}(?!\d)")
_LOCAL = re.compile(r"(?:电话|座机|固话|传真)(?:号码?)?(?:是|为|[: ])*$")
_CARD_WORD = re.compile(r"卡号?(?:是|为|[: ])*$|账号|账户")
_SHAPES = {(3, 4, 4), (3, 8), (7, 4), (6, 8, 4), (6, 8, 3, 1), (6, 6, 3), (6, 4, 4, 4)}
_SHAPES |= {(4, 12), (4, 15), (6, 10), (6, 12), (6, 13)}
_LONGEST = 19
_SHORTEST_UNKNOWN = 13


class Group(NamedTuple):
    """Digits without a break at `start`:`end` of the view."""

    digits: str
    start: int
    end: int


def numbers(view: str) -> Iterator[Hit]:
    """Every number of the view, each read with the words before it."""
    for run in _RUN.finditer(view):
        groups = [
            Group(m.group(), run.start() + m.start(), run.start() + m.end())
            for m in _GROUP.finditer(run.group())
        ]
        yield from _read(view, groups)


def spoken_numbers(view: str) -> Iterator[Hit]:
    """Numbers said in words (一三八…), as speech recognition writes them. Amounts have 十百千万."""
    for run in _SPOKEN_RUN.finditer(view):
        digits = run.group().translate(SPOKEN_DIGITS)
        if digits == run.group():
            continue
        around = view[max(0, run.start() - 14) : run.start()]
        for hit in numbers(around.translate({ord(c): BLANK for c in "0123456789"}) + digits):
            shift = run.start() - len(around)
            yield hit._replace(start=hit.start + shift, end=hit.end + shift)


def _read(view: str, groups: list[Group]) -> Iterator[Hit]:
    at = 0
    while at < len(groups):
        hit, used = _joined(view, groups, at) or (_single(view, groups[at]), 1)
        at += used
        if hit:
            yield hit


def _single(view: str, group: Group) -> Hit | None:
    """One unbroken group. A long number that passes no check is kept as of unknown kind."""
    digits, start, end = group
    before = context(view, start)
    if hit := _classify(digits, start, end, before):
        return _extended(view, hit)
    if len(digits) in (7, 8) and _LOCAL.search(before):
        return _extended(view, Hit("landline", start, end))
    if len(digits) >= _SHORTEST_UNKNOWN and not _TIMESTAMP.fullmatch(digits):
        return Hit("account", start, end)
    return None


def _joined(view: str, groups: list[Group], at: int) -> tuple[Hit, int] | None:
    """The longest number that the groups from `at` on form together, with how many it takes."""
    if len(groups[at].digits) >= 11:
        return None
    totals = list(accumulate(len(group.digits) for group in groups[at : at + _LONGEST]))
    for count in range(len(totals), 1, -1):
        if not 10 <= totals[count - 1] <= _LONGEST:
            continue
        window = groups[at : at + count]
        if _one_by_one(window) and (at > 0 or count < len(groups)):
            continue
        start, end = window[0].start, window[-1].end
        digits = "".join([group.digits for group in window])
        shape = tuple(len(group.digits) for group in window)
        hit = _classify(digits, start, end, context(view, start), shape)
        if hit:
            return _extended(view, hit), count
    return None


def _one_by_one(window: list[Group]) -> bool:
    """Digits written singly or in pairs join only when the whole run is one number."""
    return all(len(group.digits) <= 2 for group in window)


def _classify(
    digits: str, start: int, end: int, before: str, shape: tuple[int, ...] = ()
) -> Hit | None:
    if (verdict := identity(digits, before)) is not None and _shaped(shape, digits):
        return Hit("id_card", start, end, verdict)
    if (verdict := mobile(digits)) is not None and _shaped(shape, digits):
        return Hit("mobile", start, end, verdict)
    if service(digits) and (not shape or digits[0] in "48"):
        return Hit("service_number", start, end)
    if landline(digits) and (digits[0] == "0" if not shape else shape[0] in (2, 3, 4)):
        return Hit("landline", start, end, True)
    if _shaped(shape, digits) and (verdict := card(digits)) is not None:
        known = verdict or (digits.startswith("62") and len(digits) >= 16)
        if known or _CARD_WORD.search(before):
            return Hit("bank_card", start, end, verdict)
    return None


def _shaped(shape: tuple[int, ...], digits: str) -> bool:
    """Whether groups look like one number: 3-4-4, 4-4-4-4-3, 6-8-4, 6-13, 86-11, or all alike."""
    if len(shape) < 2:
        return True
    body = shape[1:] if digits.startswith(("86", "0086")) and shape[0] in (2, 4) else shape
    if all(left == right for left, right in pairwise(body[:-1])) and body[-1] <= body[0]:
        return True
    return body in _SHAPES


def _extended(view: str, hit: Hit) -> Hit:
    """With the extension (转801) of a landline."""
    extension = _EXTENSION.match(view, hit.end) if hit.kind == "landline" else None
    return hit._replace(end=extension.end()) if extension else hit
