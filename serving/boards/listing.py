"""The complaints behind a number: a page of the list, or all of it as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from data.pii.mask import mask
from serving.boards.facts import NONE, Ints
from serving.boards.view import View
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.review import ItemRow
from serving.store.tables import ComplaintRow

Sort = Literal["received", "oldest", "due", "priority", "confidence"]

SIZE: Final = 30
# Beyond it a list is no list any more, and a report or a finer filter helps.
MOST_EXPORTED: Final = 5_000
BOM: Final = b"\xef\xbb\xbf"
_EXCERPT: Final = 60
_READ: Final = 120
_AT_ONCE: Final = 500
_NO_CLOCK: Final = 2**62
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One complaint of the list; `words` are the first of its own, personal data masked."""

    case: CaseRow
    external_id: str | None
    words: str
    due_at: datetime | None
    due_clock: str | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list, and how long the whole is; `blind` are those under a blind review."""

    lines: tuple[Line, ...]
    total: int
    page: int
    blind: frozenset[str] = frozenset()


def listing(session: Session, view: View, sort: Sort, page: int, size: int = SIZE) -> Listing:
    """The `page`th page (from 1) of what the view is narrowed to, the last one where it ends."""
    rows = ordered(view, sort)
    page = max(1, min(page, -(-len(rows) // size)))
    ids = [view.facts.id(int(row)) for row in rows[(page - 1) * size : page * size]]
    return Listing(tuple(lines(session, view, ids)), len(rows), page, _blind(session, ids))


def ordered(view: View, sort: Sort) -> Ints:
    """Positions of the cases, in the order that is asked for; the newest first among equals."""
    kept = view.facts.derived
    if ("order", sort) not in kept:
        kept["order", sort] = np.lexsort(_keys(view, sort))
    order: Ints = kept["order", sort]
    return order[view.chosen()[order]]


def _keys(view: View, sort: Sort) -> list[Any]:
    """What all cases are ordered by, the first thing last."""
    facts = view.facts
    if sort == "oldest":
        return [facts.received]
    found: dict[Sort, Any] = {
        "due": lambda: _due(view),
        "priority": lambda: -facts.priority,
        "confidence": lambda: facts.confidence,
    }
    newest = -facts.received
    return [newest, found[sort]()] if sort in found else [newest]


def _due(view: View) -> Ints:
    """(n,) when the first statutory clock that is not met is due."""
    clocks = view.open_clocks()
    clocks = clocks.take(clocks.statutory)
    due = np.full(len(view.facts), _NO_CLOCK, dtype=np.int64)
    np.minimum.at(due, clocks.row, clocks.due)
    return due


def lines(session: Session, view: View, ids: Sequence[str]) -> list[Line]:
    """These complaints, in this order; one that is no longer there is left out."""
    query = (
        select(CaseRow, ComplaintRow.external_id, ComplaintRow.text, ComplaintRow.erased_at)
        .join(ComplaintRow, ComplaintRow.id == CaseRow.complaint_id)
        .where(CaseRow.complaint_id.in_(ids))
    )
    found = {row[0].complaint_id: row for row in session.execute(query)}
    due = _clocks(session, ids)
    shown = []
    for id_ in ids:
        if id_ in found:
            case, external_id, text, erased_at = found[id_]
            at, clock = due.get(id_, (None, None))
            words = "（已删除）" if erased_at else excerpt(text)
            late = at is not None and at < view.now
            shown.append(Line(case, external_id, words, at, clock, late))
    return shown


def _blind(session: Session, ids: Sequence[str]) -> frozenset[str]:
    query = select(ItemRow.complaint_id).where(
        ItemRow.complaint_id.in_(ids), ItemRow.state == "open", ItemRow.blind
    )
    return frozenset(session.scalars(query))


def _clocks(session: Session, ids: Sequence[str]) -> dict[str, tuple[datetime, str]]:
    """By complaint its first statutory clock that is not met."""
    query = select(ClockRow.complaint_id, ClockRow.due_at, ClockRow.clock).where(
        ClockRow.complaint_id.in_(ids),
        ClockRow.statutory,
        ClockRow.met_at.is_(None),
        ClockRow.state != "void",
    )
    found: dict[str, tuple[datetime, str]] = {}
    for id_, at, clock in session.execute(query.order_by(ClockRow.due_at.desc())):
        found[id_] = (at, clock)
    return found


def excerpt(text: str) -> str:
    """The first words, masked; what is masked is masked before anything is cut off."""
    masked = mask(text[:_READ]).text
    # A number cut in two by the end of what was read would not be known as one.
    return masked[:_EXCERPT] + ("…" if len(masked) > _EXCERPT else "")


def export(sessions: sessionmaker[Session], view: View, sort: Sort) -> Iterator[bytes]:
    """The list as CSV in pieces: codes with names, times, and the words, personal data masked."""
    rows = ordered(view, sort)[:MOST_EXPORTED]
    ids = [view.facts.id(int(row)) for row in rows]
    yield BOM + _csv([_head(view)])
    for start in range(0, len(ids), _AT_ONCE):
        few = ids[start : start + _AT_ONCE]
        with sessions() as session:
            yield _csv([_exported(view, *item) for item in _whole(session, few)])


def _whole(session: Session, ids: Sequence[str]) -> list[tuple[CaseRow, str | None, str]]:
    query = (
        select(CaseRow, ComplaintRow.external_id, ComplaintRow.text)
        .join(ComplaintRow, ComplaintRow.id == CaseRow.complaint_id)
        .where(CaseRow.complaint_id.in_(ids))
    )
    found = {row[0].complaint_id: row for row in session.execute(query)}
    return [found[id_] for id_ in ids if id_ in found]


_AXES: Final = (
    "product", "reason", "urgency", "lead", "branch", "source", "channel", "segment",
    "status", "review",
)  # fmt: skip


def _head(view: View) -> list[str]:
    named = [view.axes[axis].title for axis in _AXES if axis in view.axes]
    titles = [part for title in named for part in (f"{title}代码", title)]
    handled = ["置信度", "受理时间", "办结时间", "退回次数", "内容（已脱敏）"]
    return ["编号", "来源编号", "收到时间", *titles, *handled]


def _exported(view: View, case: CaseRow, external_id: str | None, text: str) -> list[Any]:
    codes = [
        part
        for axis in _AXES
        if axis in view.axes
        for code in [getattr(case, axis)]
        for part in (code or "", view.axes[axis].label(code or NONE))
    ]
    return [
        case.complaint_id, external_id or "", _time(view, case.received_at), *codes,
        round(case.confidence, 4), _time(view, case.accepted_at), _time(view, case.resolved_at),
        case.bounces, mask(text).text,
    ]  # fmt: skip


def _time(view: View, at: datetime | None) -> str:
    return at.astimezone(view.zone).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([[_plain(value) for value in row] for row in rows])
    return buffer.getvalue().encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
