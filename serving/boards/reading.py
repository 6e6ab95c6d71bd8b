"""Read cases and clocks out of the store into columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from sqlalchemy import ColumnElement, Select, String, and_, cast, func, select
from sqlalchemy.orm import Session

from serving.boards.epoch import stamp, stamps
from serving.boards.facts import ClockFacts, Coded, Facts, nothing
from serving.boards.merging import join_all
from serving.store.cases import VOID
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow

_AT_ONCE: Final = 20_000
# Fewer than databases let a statement have parameters.
_IDS_AT_ONCE: Final = 500
# What the body of a resolved, or of a withdrawn, event calls these.
CAUSE, MERGED_INTO = "root_cause", "merged_into"

_NAMES: Final = {"model": "model_version"}
_CODED: Final = (
    "product", "reason", "urgency", "lead", "branch", "source", "channel", "segment",
    "status", "review", "satisfaction", "model",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some of the cases: by which their own rows are known, and those that belong to them."""

    cases: ColumnElement[bool]
    of: Callable[[Any], ColumnElement[bool]]


def read(
    session: Session,
    *conditions: ColumnElement[bool],
    between: Callable[[], None] = lambda: None,
) -> Facts:
    """The cases that meet all conditions, with their clocks; `between` is called after each piece,
    and may raise to end it.
    """
    parts = []
    for piece in _ranges(session, conditions):
        parts.append(_chunk(session, piece))
        between()
    return join_all(parts)


def read_ids(session: Session, ids: Sequence[str]) -> Facts:
    """The cases of these complaints."""
    ids = sorted(ids)
    parts = [
        _chunk(session, _among(ids[start : start + _IDS_AT_ONCE]))
        for start in range(0, len(ids), _IDS_AT_ONCE)
    ]
    return join_all(parts)


def _among(ids: Sequence[str]) -> _Piece:
    return _Piece(CaseRow.complaint_id.in_(ids), lambda column: column.in_(ids))


def _ranges(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Iterator[_Piece]:
    """The conditions, cut into pieces by id, so that no answer is too large."""
    last = ""
    while True:
        inside = select(CaseRow.complaint_id).where(CaseRow.complaint_id > last, *conditions)
        bounded = inside.order_by(CaseRow.complaint_id).limit(_AT_ONCE).subquery()
        end = session.scalar(select(func.max(bounded.c.complaint_id)))
        if end is None:
            return
        yield _range(last, end, conditions)
        last = end


def _range(last: str, end: str, conditions: Sequence[ColumnElement[bool]]) -> _Piece:
    def of(column: Any) -> ColumnElement[bool]:
        inside = and_(column > last, column <= end)
        if not conditions:
            return inside
        return and_(inside, column.in_(select(CaseRow.complaint_id).where(*conditions)))

    return _Piece(and_(CaseRow.complaint_id > last, CaseRow.complaint_id <= end, *conditions), of)


def _chunk(session: Session, piece: _Piece) -> Facts:
    query = _cases(piece.cases)
    # Past the mapper, which would take longer than the database.
    rows = session.connection().execute(query).all()
    if not rows:
        return nothing()
    columns = dict(zip(query.selected_columns.keys(), zip(*rows, strict=True), strict=True))
    ids = np.array([id_.encode() for id_ in columns["complaint_id"]], dtype="S26")
    causes = _said(session, piece, "resolved", CAUSE)
    merged = _said(session, piece, "withdrawn", MERGED_INTO)
    coded = {name: Coded.of(list(columns[name])) for name in _CODED}
    coded["cause"] = Coded.of([causes.get(id_) for id_ in columns["complaint_id"]])
    plain: dict[str, Any] = {
        **{name: stamps(columns[name]) for name in ("received", "accepted", "resolved")},
        **{name: np.array(columns[name], dtype=np.float64) for name in ("confidence", "priority")},
        **{name: np.array(columns[name], dtype=np.bool_) for name in ("automatic", "audit")},
        "merged": np.array([id_ in merged for id_ in columns["complaint_id"]], dtype=np.bool_),
        "bounces": np.array(columns["bounces"], dtype=np.int64),
    }
    clocks = _clocks(session, piece, ids)
    return Facts(ids=ids, coded=coded, flags=_flags(columns["flags"]), clocks=clocks, **plain)


def _cases(condition: ColumnElement[bool]) -> Select[Any]:
    codes = [getattr(CaseRow, _NAMES.get(name, name)).label(name) for name in _CODED]
    return (
        select(
            CaseRow.complaint_id,
            *codes,
            stamp(CaseRow.received_at).label("received"),
            stamp(CaseRow.accepted_at).label("accepted"),
            stamp(CaseRow.resolved_at).label("resolved"),
            CaseRow.confidence,
            CaseRow.priority,
            CaseRow.automatic,
            CaseRow.audit,
            CaseRow.bounces,
            cast(CaseRow.flags, String).label("flags"),
        )
        .where(condition)
        .order_by(CaseRow.complaint_id)
    )


def _said(session: Session, piece: _Piece, kind: str, key: str) -> dict[str, str]:
    """By complaint what the latest event of a kind says under a key."""
    said = CaseEventRow.body[key].as_string()
    query = (
        select(CaseEventRow.complaint_id, said)
        .where(CaseEventRow.kind == kind, said.is_not(None), piece.of(CaseEventRow.complaint_id))
        .order_by(CaseEventRow.at, CaseEventRow.id)
    )
    return {id_: str(value) for id_, value in session.connection().execute(query)}


def _clocks(session: Session, piece: _Piece, ids: Any) -> ClockFacts:
    query = select(
        ClockRow.complaint_id,
        ClockRow.clock,
        ClockRow.statutory,
        ClockRow.extended.is_not(None),
        stamp(ClockRow.started_at),
        stamp(ClockRow.due_at),
        stamp(ClockRow.strict_due_at),
        stamp(ClockRow.met_at),
        and_(ClockRow.met_at.is_not(None), ClockRow.met_at > ClockRow.due_at),
    ).where(ClockRow.state != VOID, piece.of(ClockRow.complaint_id))
    rows = session.connection().execute(query).all()
    if not rows:
        return nothing().clocks
    of, clock, statutory, extended, started, due, strict, met, was_late = zip(*rows, strict=True)
    names = np.array([id_.encode() for id_ in of], dtype="S26")
    return ClockFacts(
        row=np.searchsorted(ids, names).astype(np.int64),
        clock=Coded.of(list(clock)),
        statutory=np.array(statutory, dtype=np.bool_),
        extended=np.array(extended, dtype=np.bool_),
        started=stamps(started),
        due=stamps(due),
        strict=stamps(strict),
        met=stamps(met),
        late=np.array(was_late, dtype=np.bool_),
    )


def _flags(lists: Sequence[str | None]) -> dict[str, Any]:
    found: dict[str, list[int]] = {}
    known = {text: orjson.loads(text) or () for text in set(lists) if text}
    for row, text in enumerate(lists):
        for code in known[text] if text else ():
            found.setdefault(code, []).append(row)
    marked = {}
    for code, rows in found.items():
        marked[code] = np.zeros(len(lists), dtype=np.bool_)
        marked[code][rows] = True
    return marked
