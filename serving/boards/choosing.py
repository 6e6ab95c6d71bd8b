"""A filter asked of columns (`mask`) and of the database (`conditions`): the same cases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import ColumnElement, String, and_, cast, exists, not_, or_, select
from sqlalchemy.orm import aliased

from data.errors import InputError
from serving.boards.axes import Axes
from serving.boards.epoch import DAY, NEVER, seconds
from serving.boards.facts import NONE, Bools, ClockFacts, Facts, Ints
from serving.boards.filter import CaseFilter, ClockIs, Span
from serving.boards.judged import ROLES, Judged
from serving.store.cases import VOID
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.tables import LabelRecordRow

_MODEL: Final = {"model": "model_version"}
# Facts that stand in no column of their own.
_COLUMNS_ONLY: Final = ("cause", "merged")


def mask(facts: Facts, wanted: CaseFilter, axes: Axes, now: datetime, judged: Judged) -> Bools:
    """(n,) whether each case is meant; clocks are looked at as of `now`."""
    chosen = np.ones(len(facts), dtype=np.bool_)
    for name, codes in wanted.expanded(axes).items():
        chosen &= facts[name].isin(codes)
    for name, span in wanted.times.items():
        chosen &= _inside(getattr(facts, name), span)
    for name, on in wanted.switches.items():
        chosen &= (facts.bounces > 0 if name == "bounced" else getattr(facts, name)) == on
    if wanted.flags:
        chosen &= np.logical_or.reduce([facts.flag(code) for code in wanted.flags])
    for clock in wanted.clocks:
        rows = facts.clocks.row[clock_mask(facts.clocks, clock, now)]
        chosen &= np.bincount(rows, minlength=len(facts)).astype(np.bool_)
    for head, verdict in wanted.judged:
        chosen &= _found(facts, judged, head, verdict)
    if wanted.id is not None:
        chosen &= facts.ids == wanted.id.encode()
    return chosen


def _found(facts: Facts, judged: Judged, head: str, verdict: str) -> Bools:
    """(n,) whether people judged it so; looked up once for the same facts and records."""
    key = ("judged", judged.last, len(judged), head, verdict)
    if key not in facts.derived:
        rows = facts.rows_of(judged.cases(head, verdict))
        hit = np.zeros(len(facts), dtype=np.bool_)
        hit[rows[rows >= 0]] = True
        facts.derived[key] = hit
    found: Bools = facts.derived[key]
    return found


def clock_mask(clocks: ClockFacts, wanted: ClockIs, now: datetime) -> Bools:
    """(m,) the clocks that are meant, in the state that is meant."""
    return _which(clocks, wanted.clock) & _state(clocks, wanted, seconds(now))


def _which(clocks: ClockFacts, clock: str) -> Bools:
    if clock in ("statutory", "internal"):
        chosen: Bools = clocks.statutory == (clock == "statutory")
        return chosen
    if clock == "any":
        return np.ones(len(clocks), dtype=np.bool_)
    return clocks.clock.isin(frozenset({clock}))


def _state(clocks: ClockFacts, wanted: ClockIs, now: int) -> Bools:
    is_open, past = clocks.open(), clocks.due < now
    if wanted.within is not None:
        soon: Bools = is_open & ~past & (clocks.strict < now + wanted.within * DAY)
        return soon
    states: dict[str, Bools] = {
        "any": np.ones(len(clocks), dtype=np.bool_),
        "met": ~is_open,
        "in_time": ~is_open & ~clocks.late,
        "late": clocks.late,
        "open": is_open,
        "running": is_open & ~past,
        "overdue": is_open & past,
    }
    return states[wanted.state]


def _inside(values: Ints, span: Span) -> Bools:
    chosen: Bools = values != NEVER
    if span.first is not None:
        chosen &= values >= seconds(span.first)
    if span.end is not None:
        chosen &= values < seconds(span.end)
    return chosen


def conditions(wanted: CaseFilter, axes: Axes, now: datetime) -> list[ColumnElement[bool]]:
    """What a query over cases must ask. Raises InputError for what the database cannot tell."""
    found = [_code(name, codes) for name, codes in wanted.expanded(axes).items()]
    for name, span in wanted.times.items():
        column = getattr(CaseRow, f"{name}_at")
        found.append(column.is_not(None))
        found += [column >= span.first] if span.first is not None else []
        found += [column < span.end] if span.end is not None else []
    found += [_switched(name, on) for name, on in wanted.switches.items()]
    if wanted.flags:
        said = cast(CaseRow.flags, String)
        found.append(or_(*(said.contains(f'"{code}"', autoescape=True) for code in wanted.flags)))
    found += [_clock(clock, now.replace(microsecond=0)) for clock in wanted.clocks]
    found += [_judged(head, verdict) for head, verdict in wanted.judged]
    found += [CaseRow.complaint_id == wanted.id] if wanted.id is not None else []
    return found


def _code(name: str, codes: frozenset[str]) -> ColumnElement[bool]:
    if name in _COLUMNS_ONLY:
        raise InputError("is not asked of the database", field=name)
    column = getattr(CaseRow, _MODEL.get(name, name))
    named = column.in_(sorted(codes - {NONE}))
    return or_(named, column.is_(None)) if NONE in codes else named


def _switched(name: str, on: bool) -> ColumnElement[bool]:
    if name in _COLUMNS_ONLY:
        raise InputError("is not asked of the database", field=name)
    if name == "bounced":
        return CaseRow.bounces > 0 if on else CaseRow.bounces == 0
    column: ColumnElement[bool] = getattr(CaseRow, name)
    return column if on else not_(column)


def _clock(wanted: ClockIs, now: datetime) -> ColumnElement[bool]:
    asked: list[ColumnElement[bool]] = [
        ClockRow.complaint_id == CaseRow.complaint_id,
        ClockRow.state != VOID,
    ]
    if wanted.clock in ("statutory", "internal"):
        asked.append(ClockRow.statutory.is_(wanted.clock == "statutory"))
    elif wanted.clock != "any":
        asked.append(ClockRow.clock == wanted.clock)
    is_open, past = ClockRow.met_at.is_(None), ClockRow.due_at < now
    if wanted.within is not None:
        asked += [is_open, not_(past), ClockRow.strict_due_at < now + timedelta(wanted.within)]
    else:
        late = and_(not_(is_open), ClockRow.met_at > ClockRow.due_at)
        states: dict[str, list[ColumnElement[bool]]] = {
            "any": [],
            "met": [not_(is_open)],
            "in_time": [not_(is_open), ClockRow.met_at <= ClockRow.due_at],
            "late": [late],
            "open": [is_open],
            "running": [is_open, not_(past)],
            "overdue": [is_open, past],
        }
        asked += states[wanted.state]
    return exists(select(ClockRow.clock).where(*asked))


def _judged(head: str, verdict: str) -> ColumnElement[bool]:
    """By the last record of the people who review, as `Judged` counts."""
    later = aliased(LabelRecordRow)
    superseded = exists(
        select(later.id).where(
            later.complaint_id == LabelRecordRow.complaint_id,
            later.head == head,
            later.role.in_(ROLES),
            later.id > LabelRecordRow.id,
        )
    )
    asked = [
        LabelRecordRow.complaint_id == CaseRow.complaint_id,
        LabelRecordRow.head == head,
        LabelRecordRow.role.in_(ROLES),
        LabelRecordRow.model_code.is_not(None),
        not_(superseded),
    ]
    if verdict == "kept":
        asked.append(LabelRecordRow.code == LabelRecordRow.model_code)
    if verdict == "changed":
        asked.append(LabelRecordRow.code != LabelRecordRow.model_code)
    return exists(select(LabelRecordRow.id).where(*asked))
