"""Licence plates and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.pii.scan import Hit

_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼](?!app)[a-hj-np-z][·. -]?"
    r"(?=(?:[a-z]?\d|\d){2}|[a-z0-9]{0,3}\d{2})"
    r"(?:[df][a-hj-np-z0-9]\d{4}|\d{5}[df]|[a-hj-np-z0-9]{4}[a-hj-np-z0-9挂学警港澳])(?![a-z0-9])"
)

_NUMBER = r"[a-z]?(?:\d{1,4}|[一二三四五六七八九十]{1,3})[a-z]?(?:-\d{1,4}){0,3}"
_UNIT = r"(?:号楼|号院|号|栋|幢|座|楼|层|单元|室|户|房|弄|支弄|组|队|门)"
# The part below the district: a road, village or estate, then numbers. "小区3号" alone may be a
# date, so that one number is enough only where a district or the word 地址 stands before.
_DETAIL = re.compile(
    r"(?:路|街|街道|大道|巷|弄|胡同|里|村|镇|乡|屯|庄|小区|花园|新村|公寓|大厦|广场|苑|园|城|府|湾|庭|院)"
    rf"(?:[东南西北中]段?)?(?P<numbers>(?:{_NUMBER}\s?{_UNIT}\s?){{1,6}}(?:\d{{2,4}}(?!\d|[元年月日]))?)"
)
_BRANCH = re.compile(r"[\u4e00-\u9fff]{0,8}(?:支行|分行|银行|网点|营业厅|营业部|分理处)")
_CUT = re.compile(
    r"[^\u4e00-\u9fffa-z0-9]|地址是?|住址是?|住在|家住|位于|寄到|寄往|邮寄|送到|我们|我家|[在到于我的是去往为来从]"
)
_REGION = re.compile(r"省|自治区|(?<!城)市(?!场)|自治州|(?<![小社园景校])区|县(?!城(?!关))|旗")
_LABELLED = re.compile(
    r"(?:家庭住址|家庭地址|居住地址|现住址|通讯地址|联系地址|收货地址|邮寄地址|单位地址|住址|户籍地|地址|家住|住在)"
    r"(?:是|为|在|[: ])*(?P<place>[\u4e00-\u9fffa-z0-9-]{6,40})"
)
_BACK = 30
# Where no region marks its beginning, the name of a road or estate is taken to be this long.
_NAME = 6


def plates(view: str) -> Iterator[Hit]:
    """Licence plates (车牌), also of new energy vehicles. 贵app is no plate."""
    return (Hit("plate", *match.span()) for match in _PLATE.finditer(view))


def addresses(view: str) -> Iterator[Hit]:
    """Where somebody lives or works. The hit leaves out the region (…市…区), which may stay."""
    found = [*_detailed(view), *_labelled(view)]
    reached = 0
    for hit in sorted(found, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= reached:
            yield hit
            reached = hit.end


def _detailed(view: str) -> Iterator[Hit]:
    previous = 0
    for match in _DETAIL.finditer(view):
        floor = max(previous, match.start() - _BACK)
        previous = match.end()
        cuts = [cut.end() for cut in _CUT.finditer(view, floor, match.start())]
        start = cuts[-1] if cuts else floor
        below = _below_region(view, start, match.start())
        parts = len(re.findall(_UNIT, match["numbers"]))
        known = below > start or _LABELLED.search(view, max(0, start - 8), match.end())
        if (parts > 1 or known) and not _BRANCH.match(view, match.end()):
            name = below if below > start else max(start, match.start() - _NAME)
            yield Hit("address", name, match.end())


def _labelled(view: str) -> Iterator[Hit]:
    """After a label no number is needed: a village has none."""
    for match in _LABELLED.finditer(view):
        start, end = match.span("place")
        below = _below_region(view, start, end)
        if start < below < end - 1 and re.search(r"[镇乡村路街屯庄]|小区|街道", view[below:end]):
            yield Hit("address", below, end)


def _below_region(view: str, start: int, end: int) -> int:
    """Where the part below province, city and district begins; `start` if no region is named."""
    below = start
    for match in _REGION.finditer(view, start, end):
        if below > start and match.end() - below > 10:
            break
        below = match.end()
    return below
