"""Which items of the queue are meant: a filter as people set, keep and share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, cast, false, select, union_all
from sqlalchemy.orm import Session, aliased

from data.errors import InputError
from serving.review.desk import Desk
from serving.review.opening import ADJUDICATION, FIRST, SECOND, in_round, is_open, waits
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import BandRow, ItemRow
from serving.store.sources import of_sender
from serving.store.tables import ComplaintRow

_LONGEST = 128
_NAMED = 200
_ROUNDS = {"first": FIRST, "double": SECOND, "adjudication": ADJUDICATION}
_KINDS = (*_ROUNDS, "audit")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter; what is empty is not asked.

    `product` is a code with everything below it; `why` a reason for review or what it begins with
    (`low_confidence`); `kind` first, audit, double or adjudication; `hours` the least age; `find`
    the beginning of our id, or the caller's own; `like` a complaint that it must be alike.
    """

    urgency: str = ""
    product: str = ""
    reason: str = ""
    lead: str = ""
    branch: str = ""
    source: str = ""
    channel: str = ""
    why: str = ""
    kind: str = ""
    hours: int = 0
    find: str = ""
    like: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Wanted:
        """From a query string or a kept view; unknown names are passed over. Raises InputError."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            raw = given.get(field.name, "")
            text = str(raw if raw is not None else "").strip()
            if len(text) > _LONGEST or "\x00" in text:
                raise InputError(f"expected at most {_LONGEST} characters", field=field.name)
            values[field.name] = text
        hours = values.pop("hours") or "0"
        if not hours.isdecimal() or int(hours) > 24 * 366:
            raise InputError("expected whole hours", field="hours")
        if values["kind"] not in ("", *_KINDS):
            raise InputError(f"expected one of {', '.join(_KINDS)}", field="kind")
        return cls(**values, hours=int(hours))

    def as_json(self) -> dict[str, Any]:
        """What is asked, to be kept or put into a query string."""
        return {name: value for name, value in asdict(self).items() if value}


def conditions(
    wanted: Wanted, desk: Desk, now: datetime, session: Session
) -> list[ColumnElement[bool]]:
    """What open items must meet. Raises InputError for a code there is not."""
    found: list[ColumnElement[bool]] = [is_open()]
    roles = desk.policies.at(now).roles
    if wanted.urgency:
        found.append(ItemRow.rank == _rank(wanted.urgency, roles.urgency, desk))
    if wanted.kind:
        found.append(_kind(wanted.kind))
    if wanted.hours:
        found.append(ItemRow.opened_at <= now - timedelta(hours=wanted.hours))
    if of_case := _of_case(wanted, roles.product, desk):
        found.append(_case(of_case))
    if wanted.why:
        # Codes hold no quotes, so a quoted beginning is one.
        found.append(cast(ItemRow.reasons, String).like(f'%"{_literal(wanted.why)}%', escape="\\"))
    if wanted.find:
        named = _named(session, wanted.find)
        found.append(ItemRow.complaint_id.in_(named) if named else false())
    if wanted.like:
        found.append(ItemRow.complaint_id.in_(_alike(session, wanted.like)))
    return found


def _of_case(wanted: Wanted, head: str | None, desk: Desk) -> list[ColumnElement[bool]]:
    """What is asked that the items themselves do not hold."""
    found = [
        getattr(CaseRow, name) == value
        for name in ("reason", "lead", "branch", "source", "channel")
        if (value := getattr(wanted, name))
    ]
    if wanted.product:
        found.append(CaseRow.product.in_(_below(wanted.product, head, desk)))
    return found


def _case(asked: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Of a complaint of which all this is true, looked up among the few that wait.

    Only a second opinion is open on a case that does not wait for one (`submit`).
    """
    second = aliased(ItemRow)
    its_case = select(CaseRow.complaint_id).where(
        CaseRow.complaint_id == second.complaint_id, *asked
    )
    doubles = select(second.complaint_id).where(
        is_open(second), in_round(SECOND, second), its_case.exists()
    )
    waiting = select(CaseRow.complaint_id).where(waits(), *asked)
    return ItemRow.complaint_id.in_(union_all(waiting, doubles))


def _rank(code: str, head: str | None, desk: Desk) -> int:
    if head is None or code not in desk.taxonomy[head].leaf_index:
        raise InputError(f"{code[:64]!r} is no level of urgency", field="urgency")
    return desk.taxonomy[head].rank(code)


def _kind(kind: str) -> ColumnElement[bool]:
    if kind == "audit":
        return ItemRow.audit.is_(True)
    return in_round(_ROUNDS[kind])


def _below(code: str, head: str | None, desk: Desk) -> list[str]:
    if head is None or code not in desk.taxonomy[head].by_code:
        raise InputError(f"{code[:64]!r} is no code of a product", field="product")
    return [
        label.code
        for label in desk.taxonomy[head]
        if desk.taxonomy[head].is_under(label.code, code)
    ]


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _named(session: Session, text: str) -> list[str]:
    """Ids that begin so, and those of the caller's own id."""
    first = text.upper()
    ours = select(ComplaintRow.id).where(
        ComplaintRow.id.between(first, first + "Z" * (26 - len(first)))
    )
    theirs = select(ComplaintRow.id).where(of_sender(text))
    found = [] if len(first) > 26 else list(session.scalars(ours.limit(_NAMED)))
    return [*found, *session.scalars(theirs.limit(_NAMED))]


def _alike(session: Session, complaint_id: str) -> list[str]:
    from serving.review.similar import near_duplicates

    keys = list(session.scalars(select(BandRow.key).where(BandRow.complaint_id == complaint_id)))
    return [complaint_id, *near_duplicates(session, complaint_id, keys)]
