"""Amounts (yuan), headcounts, ages, repeat counts, durations and dates apart (days) in a text.

Offsets are those of the normalised text. What a quantity means (a disputed amount, an income in
passing) is for the rules to say; here only "how much of what" is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from serving.triage.elapsed import elapsed
from serving.triage.numerals import DIGITS, LARGE_UNITS, RUN, SMALL_UNITS, parse

Kind = Literal["amount", "people", "age", "times", "days", "elapsed"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number with its kind, standing at `start`:`end` of the normalised text."""

    kind: Kind
    value: float
    start: int
    end: int


_MONEY: Final = "元|块钱|块|圆|人民币|rmb|美元|美金|欧元|英镑|港币|港元|澳元|刀(?!片)"
_PEOPLE: Final = (
    "(?:个|位|名|号)?(?:其他)?(?:人|户|业主|储户|客户|投资者|投资人|受害者|受害人|老人|村民|员工"
    "|工友|学生|家长|商户|持卡人|农户|农民工|老乡|邻居|街坊|同学|同事|兄弟|姐妹|学徒|业务员|司机"
    "|供货商|摊位|摊主|师傅|弟兄|老板|骑手|车主|网友|群友|持有人|(?=约|一起|都去|准备去|要去|说好))|家(?:人|商户|企业|店|供货商|摊|都|一块|全|的)|口人"
)
_DAYS: Final = {
    "天": 1.0,
    "个工作日": 1.4,
    "工作日": 1.4,
    "个星期": 7.0,
    "个礼拜": 7.0,
    "星期": 7.0,
    "周": 7.0,
    "个半月": 30.0,
    "个多月": 30.0,
    "个月": 30.0,
    "年": 365.0,
}
# Ages without 岁, from here on: 我爸68,… 今年七十三了, 家慈七十有六. A lone 72了 counts from 60 on.
_ELDERLY: Final = 60
_YOUNGEST: Final = 10
_OLDEST: Final = 110
_PERSON: Final = (
    "今年|年方|虚岁|我|俺|额|本人|老汉|爸|妈|爹|娘|父亲|母亲|老伴|老头子|老婆子|奶奶|爷爷|外公|外婆"
    "|家父|家母|家慈|家严|丈人|岳父|岳母|儿子|女儿|闺女|孩子|娃|弟弟|妹妹|弟|妹"
)
_AGE = re.compile(
    rf"(?:(?P<person>{_PERSON})(?:今年|虚岁|年方|都|已经?|也|才|刚|快|一个){{0,2}}|(?<![^,。!?;\s]))"
    r"(?P<age>\d{2}|[一二三四五六七八九]?十[一二三四五六七八九]?)"
    r"(?:(?P<said>有[一二三四五六七八九]|了)|(?=[,。!?;\s]|$|的(?:老?人|老头|老太)))"
)
# What may follow a bare magnitude (3千, 5万) that is not money: 5万积分, 3千多人, 10万公里.
_NOT_MONEY: Final = (
    "积?分|个|人|户|名|位|条|次|天|年|里程|公里|步|股|份|张|枚|克|笔|日元|日币|韩元|字|粉|用户|里"
)
_QUANTITY = re.compile(
    rf"(?P<run>{RUN})\s?(?:"
    rf"(?P<money>{_MONEY})"
    rf"|(?P<people>{_PEOPLE})"
    r"|(?P<age>周?岁)|(?P<decade>旬)"
    r"|(?P<times>次|遍|趟|回(?!复|应|答|来|去|访)|通(?=电话|投诉)|封)"
    rf"|(?P<days>{'|'.join(_DAYS)})(?!前)"
    r"|(?P<places>位数)"
    rf"|(?![多来余]?(?:{_NOT_MONEY}))(?P<bare>)"
    r")"
)
_HALF_MONTH = re.compile(r"半个?多?月")
_HALF_MONTH_DAYS: Final = 15.0
_BARE_DIGITS = re.compile(r"\d{4,8}(?:\.\d{1,2})?")
_YEAR = re.compile(r"(?:19|20)\d{2}")
# A bare number is money where one of these stands right before it (转了58000, 欠款88000, ¥5000).
_MONEY_BEFORE = re.compile(
    r"(?:转|欠|存|扣|刷|付|充|借|贷|汇|还|交|骗|亏|取|走|划|损失|本金|金额|总共|合计|共计|总额|余额|款|费|息|钱|少|卡里|账户里|账上|里面|¥|\$)"
    r"(?:了|是|为|有|给|我|我的|走|掉|款|出|到|:|约|近|大概|大约|人民币|共|入){0,3}\s?$"
)
_BEFORE: Final = 12
_MAX_PLACES: Final = 9
_MAX_YEARS: Final = 60
_MAX_DAYS: Final = 20_000
# Group of the pattern → kind, scale to the kind's unit, largest number that can be one.
_MEASURES: Final[dict[str, tuple[Kind, float, float]]] = {
    "money": ("amount", 1.0, 1e15),
    "bare": ("amount", 1.0, 1e15),
    "places": ("amount", 1.0, _MAX_PLACES),
    "people": ("people", 1.0, 1e9),
    "age": ("age", 1.0, 120),
    "decade": ("age", 10.0, 12),
    "times": ("times", 1.0, 1e6),
    "days": ("days", 1.0, _MAX_DAYS),
}


def extract(text: str) -> tuple[Quantity, ...]:
    """All quantities of a normalised text, in order. Linear in its length."""
    found = [quantity for match in _QUANTITY.finditer(text) for quantity in _read(match, text)]
    found += [
        Quantity("days", _HALF_MONTH_DAYS, match.start(), match.end())
        for match in _HALF_MONTH.finditer(text)
    ]
    found += [Quantity("elapsed", days, start, end) for days, start, end in elapsed(text)]
    found += _ages(text)
    return tuple(sorted(found, key=lambda quantity: quantity.start))


def _ages(text: str) -> Iterator[Quantity]:
    """Ages told without 岁: of a person who is named, or with 了 and of 60 years or more."""
    for match in _AGE.finditer(text):
        value = parse(match["age"]) or 0.0
        if match["person"] is None and (match["said"] is None or value < _ELDERLY):
            continue
        if _YOUNGEST <= value < _OLDEST:
            yield Quantity("age", value, match.start("age"), match.end())


def _read(match: re.Match[str], text: str) -> Iterator[Quantity]:
    group, run = match.lastgroup, match["run"]
    value = parse(run)
    if value is None and group != "bare":
        value = parse(re.split("[,.]", run)[-1])
    if value is None or group is None or (group == "people" and run.endswith(",")):
        return
    start, end = match.span()
    if group == "bare":
        end = start + len(run.rstrip(",."))
    if group == "bare" and not _is_money(run, text, start, end):
        return
    kind, scale, limit = _MEASURES[group]
    if group == "days":
        scale = _DAYS[match["days"]]
        limit = _MAX_YEARS if match["days"] == "年" else _MAX_DAYS
    if group == "places" and 2 <= value <= _MAX_PLACES:
        yield Quantity(kind, 10.0 ** (value - 1), start, end)
    elif group != "places" and 0 <= value <= limit:
        yield Quantity(kind, value * scale, start, end)


def _is_money(run: str, text: str, start: int, end: int) -> bool:
    """Whether a number without a unit is an amount: 五万八, 5w, 转了58000; not 2023, not 一千."""
    bare = run.strip(",.多来余")
    if len(bare) > 1 and any(mark in bare for mark in (*LARGE_UNITS, "k")):
        return bare[0] in DIGITS or bare[0] in SMALL_UNITS or bare[0] in "几数" or bare[0].isdigit()
    if not _BARE_DIGITS.fullmatch(bare):
        return bool(len(bare) > 1 and bare[-1] in "千百" and _money_before(text, start))
    if text[end : end + 1] in ("-", "/", ":", "*", "年", "号") or text[start - 1 : start] == "*":
        return False
    if _YEAR.fullmatch(bare) and text[end : end + 1] in ("年", ".", "-", "/"):
        return False
    return _money_before(text, start)


def _money_before(text: str, start: int) -> bool:
    return _MONEY_BEFORE.search(text, max(0, start - _BEFORE), start) is not None
