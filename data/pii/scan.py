"""What the stages of the search for personal data share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal[
    "id_card",  # 居民身份证, 18 or 15 digits
    "bank_card",  # 银行卡
    "mobile",
    "landline",
    "service_number",  # 95588, 400-…, 12378: not personal
    "email",
    "passport",  # and other travel documents: 港澳通行证, 台胞证
    "plate",  # 车牌
    "address",
    "account",  # numbers of accounts, policies, orders, contracts; any other number of 13 digits up
    "social",  # 微信, QQ
    "name",
]

# Stands in the view for what is taken. The normaliser drops controls, so no text contains it.
BLANK = "\0"


class Hit(NamedTuple):
    """A finding in the coordinates of the folded text."""

    kind: Kind
    start: int
    end: int
    valid: bool | None = None
    masked: bool = False


class Kept(NamedTuple):
    """A stretch that looks like personal data and is not: an amount, a date, a staff number."""

    start: int
    end: int


@dataclass(slots=True)
class Scan:
    """The view that the next stage sees, and the hits so far."""

    view: str
    hits: list[Hit] = field(default_factory=list)

    def take(self, found: Iterable[Hit | Kept]) -> None:
        """Record one stage's hits, which come in order, and blank them once; the first has it."""
        parts: list[str] = []
        reached = 0
        for hit in found:
            if hit.start < reached:
                continue
            if isinstance(hit, Hit):
                self.hits.append(hit)
            parts += (self.view[reached : hit.start], BLANK * (hit.end - hit.start))
            reached = hit.end
        self.view = "".join([*parts, self.view[reached:]])


def context(view: str, at: int, width: int = 14) -> str:
    """The few characters before `at`, which say what a number is."""
    return view[max(0, at - width) : at]
