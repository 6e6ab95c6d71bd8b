"""What is not personal data although it looks like it, and what is masked already."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.pii.scan import Hit, Kept, Kind, context

_MONEY = r"(?:元(?![旦宝])|块|圆|人民币|rmb|美元|港币)"
_COUNTED = r"(?:[万亿千百](?!事|一)|[wk](?![a-z])|%|积分|分(?!行|公司)|度(?!小))"
_PROTECTED = re.compile(
    "|".join(
        (
            # Staff numbers (工号): the bank must see whom it is about. Longer ones are none.
            r"(?:工号|柜员号|员工编号|员工号|职工号|坐席号|客服编号|客服代号)"
            r"(?:是|为|[: .#])*[a-z0-9]{1,12}(?![a-z0-9])",
            r"(?<!\d)[a-z]{0,2}\d{2,8}号(?:客服|坐席|柜员|专员)(?!电话|热线)",
            # Dates and times.
            r"(?<!\d)(?:19|20)\d\d年\d{1,2}月(?:\d{1,2}[日号])?",
            r"(?<!\d)(?:19|20)\d\d(?P<sep>[-./])\d{1,2}(?P=sep)\d{1,2}(?![\d*])",
            r"(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?!\d)",
            # Amounts. Twelve digits are more than any customer disputes and fewer than a card has.
            r"(?<![\d.,])\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,2})?(?!\d)",
            rf"(?<![\d.,*])\d{{1,12}}(?:\.\d{{1,4}})?\s?{_MONEY}",
            rf"(?<![\d.,*])\d{{1,7}}(?:\.\d{{1,6}})?\s?{_COUNTED}",
            r"(?:¥|rmb|人民币)\s?\d{1,12}(?:\.\d{1,2})?(?!\d)",
            r"(?<![\d.,*])\d{1,12}\.\d{1,2}(?![\d.])",
        )
    )
)

# "xx" counts as a mask only between digits. Possessive and looked behind, so that a text of
# nothing but stars is read once.
MASK_SIGNS = r"*×●•∗＊■□"
_MASKED = re.compile(
    "|".join(
        (
            rf"(?<![\d{MASK_SIGNS}])(?P<head>[a-z]?\d{{1,10}})[-) ]?"
            rf"(?:[{MASK_SIGNS}][- ]?){{2,}}+(?P<tail>\d{{0,6}}x?)(?!\d)",
            rf"(?<![a-z\d{MASK_SIGNS}])(?P<head2>\d{{2,10}})x{{2,}}+(?P<tail2>\d{{1,6}})(?!\d)",
            rf"(?<![\d{MASK_SIGNS}])(?:[{MASK_SIGNS}][- ]?){{2,}}+(?P<tail3>\d{{2,6}})(?!\d)",
        )
    )
)
_TAIL = re.compile(
    r"(?:尾号|尾数|[后末]四位)(?:数字)?(?:是|为|[: (\[\"])*(?:\d{3,6}(?!\d)|[*×x•●]{2,}+\d{0,4})"
)
# 575***元 hides an amount, not a person.
_AMOUNT = re.compile(rf"(?:\.\d{{1,2}})?\s?(?:{_MONEY}|{_COUNTED})")
_PHONE_WORD = re.compile(r"(?:手机|电话)(?:号码?)?的?$")


def protect(view: str) -> Iterator[Kept]:
    """Amounts, dates, times and staff numbers."""
    return (Kept(*match.span()) for match in _PROTECTED.finditer(view))


def masked_forms(view: str) -> Iterator[Hit]:
    """Numbers of which a part is hidden, and tails (尾号). Kind by shape, for reports only."""
    found = [*_MASKED.finditer(view), *_TAIL.finditer(view)]
    reached = 0
    for match in sorted(found, key=lambda match: match.start()):
        if match.start() >= reached and not _AMOUNT.match(view, match.end()):
            kind = _tail_kind(view, match) if match.re is _TAIL else _masked_kind(view, match)
            end = match.start() + len(match.group().rstrip(" -"))
            yield Hit(kind, match.start(), end, masked=True)
            reached = match.end()


def _tail_kind(view: str, match: re.Match[str]) -> Kind:
    return "mobile" if _PHONE_WORD.search(context(view, match.start(), 6)) else "bank_card"


def _masked_kind(view: str, match: re.Match[str]) -> Kind:
    head = match["head"] or match["head2"] or ""
    tail = match["tail"] or match["tail2"] or match["tail3"] or ""
    if re.fullmatch(r"(?:86)?1[3-9]\d{1,5}", head):
        return "id_card" if tail.endswith("x") else "mobile"
    if len(head) in (4, 6) and head[0] in "3456" and len(tail) >= 3 and not tail.endswith("x"):
        return "bank_card"
    if "证" in context(view, match.start()) or tail.endswith("x"):
        return "id_card"
    if len(head) == 3 and head[0] in "123456" and len(tail) >= 3:
        return "id_card"
    return "landline" if head.startswith("0") else "account"
