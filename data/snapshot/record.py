"""What people decided: label records, and which of them holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

Role = Literal["adjudication", "review", "department", "customer", "retraction"]
# Takes back what the same person said last about the head, for records themselves never change.
RETRACTION: Role = "retraction"
# Of several records the one with the greater authority holds, then the later one.
AUTHORITY: tuple[Role, ...] = tuple(role for role in get_args(Role) if role != RETRACTION)
# A customer's own opinion is kept and counted; it teaches nothing.
TRAINABLE: tuple[Role, ...] = ("adjudication", "review", "department")


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """One person's decision on one head of one text; never changed, only followed by another.

    `subject` is the id of the complaint or text, `model_code` what the model had said, by the
    bundle `bundle`. `via` is how the record came in, `selection` why the text was shown to a
    person, `inclusion` the probability with which it was (for unbiased estimates). `id` is the
    store's running number.
    """

    subject: str
    head: str
    code: str
    who: str
    decided_at: datetime
    role: Role
    model_code: str | None = None
    bundle: str | None = None
    comment: str | None = None
    via: str = "api"
    selection: str | None = None
    inclusion: float | None = None
    id: int | None = None

    @property
    def overrides(self) -> bool | None:
        """Whether the person said otherwise than the model; None where it had said nothing."""
        return None if self.model_code is None else self.code != self.model_code


@dataclass(frozen=True, slots=True)
class Feedback:
    """A text with all that people decided about it."""

    id: str
    text: str
    records: tuple[LabelRecord, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)


def standing(records: Iterable[LabelRecord]) -> list[LabelRecord]:
    """Those that nobody took back, in order of time.

    A retraction takes back the last record before it of its own person, head and code.
    """
    kept: list[LabelRecord] = []
    for record in sorted(records, key=lambda record: (record.decided_at, record.id or 0)):
        if record.role != RETRACTION:
            kept.append(record)
            continue
        said = (record.head, record.code, record.who)
        for place in range(len(kept) - 1, -1, -1):
            if (kept[place].head, kept[place].code, kept[place].who) == said:
                del kept[place]
                break
    return kept


def in_force(
    records: Iterable[LabelRecord], roles: Collection[Role] = AUTHORITY
) -> dict[str, LabelRecord]:
    """Per head the record that holds: the latest adjudication, else the latest review, and so on.

    Records of other than the given roles, and those taken back, count for nothing.
    """
    holding: dict[str, LabelRecord] = {}
    for record in standing(records):
        if record.role in roles:
            other = holding.get(record.head)
            if other is None or _weight(record) > _weight(other):
                holding[record.head] = record
    return holding


def contested(records: Iterable[LabelRecord], holding: Mapping[str, LabelRecord]) -> list[str]:
    """Heads on which records of the holding record's own authority name different codes."""
    return sorted(
        {
            record.head
            for record in standing(records)
            if record.head in holding
            and record.role == holding[record.head].role
            and record.code != holding[record.head].code
        }
    )


def _weight(record: LabelRecord) -> tuple[int, datetime, int, str]:
    return (
        -AUTHORITY.index(record.role),
        record.decided_at,
        record.id or 0,
        record.code,
    )
