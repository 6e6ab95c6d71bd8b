"""Read cases and clocks out of the store into columns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, String, and_, cast, func, select
from sqlalchemy.orm import Session

from serving.boards.epoch import stamp, stamps
from serving.boards.facts import ClockFacts, Coded, Facts, nothing
from serving.boards.merging import join_all
from serving.store.cases import VOID
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow

_AT_ONCE: Final = 2_000
# Some ten milliseconds' work; fewer than databases let a statement have parameters.
_IDS_AT_ONCE: Final = 200
# What the body of a resolved, or of a withdrawn, event calls these.
CAUSE, MERGED_INTO = "root_cause", "merged_into"

_NAMES: Final = {"model": "model_version"}
_CODED: Final = (
    "product", "reason", "urgency", "lead", "branch", "source", "channel", "segment",
    "status", "review", "satisfaction", "model",
)  # fmt: skip


_Of = Callable[[Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some of the cases: by which their own rows are known, and those that belong to them."""

    cases: ColumnElement[bool]
    of: _Of


@dataclass(frozen=True, slots=True)
class _Said:
    """What events told, by complaint."""

    causes: Mapping[str, str]
    merged: Mapping[str, str]


def read(
    session: Session,
    *conditions: ColumnElement[bool],
    between: Callable[[], None] = lambda: None,
) -> Facts:
    """The cases that meet all conditions, with their clocks; `between` is called after each piece,
    and may raise to end it.
    """
    parts = []
    # At once: the database finds them by their kind, and would go through all for each piece.
    said = _said(session, None if not conditions else _of(conditions))
    for piece in _ranges(session, conditions):
        parts.append(_chunk(session, piece, said))
        between()
    return join_all(parts)


def read_ids(
    session: Session, ids: Sequence[str], *, between: Callable[[], None] = lambda: None
) -> Facts:
    """The cases of these complaints; `between` as in `read`."""
    ids = sorted(ids)
    parts = []
    for start in range(0, len(ids), _IDS_AT_ONCE):
        piece = _among(ids[start : start + _IDS_AT_ONCE])
        parts.append(_chunk(session, piece, _said(session, piece.of)))
        between()
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
        return and_(inside, _of(conditions)(column)) if conditions else inside

    return _Piece(and_(CaseRow.complaint_id > last, CaseRow.complaint_id <= end, *conditions), of)


def _of(conditions: Sequence[ColumnElement[bool]]) -> _Of:
    return lambda column: column.in_(select(CaseRow.complaint_id).where(*conditions))


def _chunk(session: Session, piece: _Piece, said: _Said) -> Facts:
    query = _cases(piece.cases)
    # Past the mapper, which would take longer than the database.
    rows = session.connection().execute(query).all()
    if not rows:
        return nothing()
    columns = dict(zip(query.selected_columns.keys(), zip(*rows, strict=True), strict=True))
    ids = _packed(columns["complaint_id"])
    coded = {name: Coded.of(list(columns[name])) for name in _CODED}
    coded["cause"] = Coded.of([said.causes.get(id_) for id_ in columns["complaint_id"]])
    plain: dict[str, Any] = {
        **{name: stamps(columns[name]) for name in ("received", "accepted", "resolved")},
        **{name: np.array(columns[name], dtype=np.float64) for name in ("confidence", "priority")},
        **{name: np.array(columns[name], dtype=np.bool_) for name in ("automatic", "audit")},
        "merged": np.array([id_ in said.merged for id_ in columns["complaint_id"]], dtype=np.bool_),
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


def _said(session: Session, of: _Of | None) -> _Said:
    """What events said of the complaints that are meant; None means all."""
    return _Said(
        _latest(session, of, "resolved", CAUSE), _latest(session, of, "withdrawn", MERGED_INTO)
    )


def _latest(session: Session, of: _Of | None, kind: str, key: str) -> dict[str, str]:
    """By complaint what the latest event of a kind says under a key."""
    said = CaseEventRow.body[key].as_string()
    query = (
        select(CaseEventRow.complaint_id, said)
        .where(CaseEventRow.kind == kind, said.is_not(None))
        .order_by(CaseEventRow.at, CaseEventRow.id)
    )
    if of is not None:
        query = query.where(of(CaseEventRow.complaint_id))
    rows = session.connection().execute(query).all()
    return {id_: sys.intern(str(value)) for id_, value in rows}


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
    names = _packed(of)
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


def _packed(ids: Sequence[str]) -> NDArray[np.bytes_]:
    return np.array([id_.encode() for id_ in ids], dtype="S26")


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
