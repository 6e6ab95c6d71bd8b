"""Read cases and clocks out of the store into columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from serving.boards.epoch import NEVER, epoch
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


def read(
    session: Session,
    *conditions: ColumnElement[bool],
    between: Callable[[], None] = lambda: None,
) -> Facts:
    """The cases that meet all conditions, with their clocks; `between` is called after each piece,
    and may raise to end it.
    """
    parts = []
    for condition in _ranges(session, conditions):
        parts.append(_chunk(session, condition))
        between()
    return join_all(parts)


def read_ids(session: Session, ids: Sequence[str]) -> Facts:
    """The cases of these complaints."""
    ids = sorted(ids)
    parts = [
        _chunk(session, CaseRow.complaint_id.in_(ids[start : start + _IDS_AT_ONCE]))
        for start in range(0, len(ids), _IDS_AT_ONCE)
    ]
    return join_all(parts)


def _ranges(
    session: Session, conditions: Sequence[ColumnElement[bool]]
) -> Iterator[ColumnElement[bool]]:
    """The conditions, cut into pieces by id, so that no answer is too large."""
    last = ""
    while True:
        inside = select(CaseRow.complaint_id).where(CaseRow.complaint_id > last, *conditions)
        bounded = inside.order_by(CaseRow.complaint_id).limit(_AT_ONCE).subquery()
        end = session.scalar(select(func.max(bounded.c.complaint_id)))
        if end is None:
            return
        yield and_(CaseRow.complaint_id > last, CaseRow.complaint_id <= end, *conditions)
        last = end


def _chunk(session: Session, condition: ColumnElement[bool]) -> Facts:
    rows = session.execute(_cases(condition)).all()
    if not rows:
        return nothing()
    columns = dict(
        zip(_cases(condition).selected_columns.keys(), zip(*rows, strict=True), strict=True)
    )
    ids = np.array([id_.encode() for id_ in columns["complaint_id"]], dtype="S26")
    causes = _said(session, condition, "resolved", CAUSE)
    merged = _said(session, condition, "withdrawn", MERGED_INTO)
    coded = {name: Coded.of(list(columns[name])) for name in _CODED}
    coded["cause"] = Coded.of([causes.get(id_) for id_ in columns["complaint_id"]])
    plain = {
        **{name: _times(columns[name]) for name in ("received", "accepted", "resolved")},
        **{name: np.array(columns[name], dtype=np.float64) for name in ("confidence", "priority")},
        **{name: np.array(columns[name], dtype=np.bool_) for name in ("automatic", "audit")},
        "merged": np.array([id_ in merged for id_ in columns["complaint_id"]], dtype=np.bool_),
        "bounces": np.array(columns["bounces"], dtype=np.int64),
    }
    clocks = _clocks(session, condition, ids)
    return Facts(ids=ids, coded=coded, flags=_flags(columns["flags"]), clocks=clocks, **plain)


def _cases(condition: ColumnElement[bool]) -> Select[Any]:
    codes = [getattr(CaseRow, _NAMES.get(name, name)).label(name) for name in _CODED]
    return (
        select(
            CaseRow.complaint_id,
            *codes,
            epoch(CaseRow.received_at).label("received"),
            epoch(CaseRow.accepted_at).label("accepted"),
            epoch(CaseRow.resolved_at).label("resolved"),
            CaseRow.confidence,
            CaseRow.priority,
            CaseRow.automatic,
            CaseRow.audit,
            CaseRow.bounces,
            CaseRow.flags,
        )
        .where(condition)
        .order_by(CaseRow.complaint_id)
    )


def _said(session: Session, condition: ColumnElement[bool], kind: str, key: str) -> dict[str, str]:
    """By complaint what the latest event of a kind says under a key."""
    said = CaseEventRow.body[key].as_string()
    query = (
        select(CaseEventRow.complaint_id, said)
        .join(CaseRow, CaseRow.complaint_id == CaseEventRow.complaint_id)
        .where(CaseEventRow.kind == kind, said.is_not(None), condition)
        .order_by(CaseEventRow.at, CaseEventRow.id)
    )
    return {id_: str(value) for id_, value in session.execute(query)}


def _clocks(session: Session, condition: ColumnElement[bool], ids: Any) -> ClockFacts:
    query = (
        select(
            ClockRow.complaint_id,
            ClockRow.clock,
            ClockRow.statutory,
            ClockRow.extended.is_not(None),
            epoch(ClockRow.started_at),
            epoch(ClockRow.due_at),
            epoch(ClockRow.strict_due_at),
            epoch(ClockRow.met_at),
            and_(ClockRow.met_at.is_not(None), ClockRow.met_at > ClockRow.due_at),
        )
        .join(CaseRow, CaseRow.complaint_id == ClockRow.complaint_id)
        .where(ClockRow.state != VOID, condition)
    )
    rows = session.execute(query).all()
    if not rows:
        return nothing().clocks
    of, clock, statutory, extended, started, due, strict, met, was_late = zip(*rows, strict=True)
    names = np.array([id_.encode() for id_ in of], dtype="S26")
    return ClockFacts(
        row=np.searchsorted(ids, names).astype(np.int64),
        clock=Coded.of(list(clock)),
        statutory=np.array(statutory, dtype=np.bool_),
        extended=np.array(extended, dtype=np.bool_),
        started=_times(started),
        due=_times(due),
        strict=_times(strict),
        met=_times(met),
        late=np.array(was_late, dtype=np.bool_),
    )


def _times(values: Sequence[int | None]) -> Any:
    return np.array([NEVER if value is None else value for value in values], dtype=np.int64)


def _flags(lists: Sequence[list[str] | None]) -> dict[str, Any]:
    found: dict[str, list[int]] = {}
    for row, codes in enumerate(lists):
        for code in codes or ():
            found.setdefault(code, []).append(row)
    marked = {}
    for code, rows in found.items():
        marked[code] = np.zeros(len(lists), dtype=np.bool_)
        marked[code][rows] = True
    return marked
