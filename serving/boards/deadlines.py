"""Deadlines (时限): which clocks were kept, by department and branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from serving.boards.estimates import Share, wilson
from serving.boards.facts import NONE, Bools, ClockFacts
from serving.boards.filter import CaseFilter
from serving.boards.view import Count, View

STATES = ("in_time", "late", "running", "overdue")


@dataclass(frozen=True, slots=True)
class Kept:
    """How one clock went: met in time, met late, still running, past due and not met."""

    code: str
    name: str
    in_time: Count
    late: Count
    running: Count
    overdue: Count

    @property
    def total(self) -> int:
        """All of them."""
        return self.in_time.n + self.late.n + self.running.n + self.overdue.n

    @property
    def rate(self) -> Share:
        """Of those that are decided, met or past due, how many were met in time."""
        decided = self.total - self.running.n
        return wilson(self.in_time.n, decided)


@dataclass(frozen=True, slots=True)
class ClockBoard:
    """One clock: as a whole, by department and by branch. What runs from receipt, of the span."""

    code: str
    name: str
    statutory: bool
    basis: str
    whole: Kept
    by_lead: tuple[Kept, ...]
    by_branch: tuple[Kept, ...]


def deadlines(view: View, first: date, end: date) -> tuple[ClockBoard, ...]:
    """Every clock of the cases received from `first` up to `end`."""
    inside = view.received_on(first, end)
    rows = view.chosen() & view.between(first, end)
    clocks = view.facts.clocks
    clocks = clocks.take(rows[clocks.row])
    return tuple(_board(view, code, inside, clocks) for code in view.clock_codes())


def _board(view: View, code: str, inside: CaseFilter, clocks: ClockFacts) -> ClockBoard:
    mine = clocks.take(clocks.clock.isin(frozenset({code})))
    states = states_of(mine, view.seconds)
    known = view.axes.clocks.get(code)
    whole = {state: int(rows.sum()) for state, rows in states.items()}
    return ClockBoard(
        code,
        view.axes.clock(code),
        known.statutory if known else bool(mine.statutory.any()),
        known.basis if known else "",
        _kept(code, view.axes.clock(code), whole, inside, code),
        tuple(_by(view, "lead", code, mine, states, inside)),
        tuple(_by(view, "branch", code, mine, states, inside)),
    )


def states_of(clocks: ClockFacts, now: int) -> dict[str, Bools]:
    """(m,) for each state whether a clock is in it; each is in just one."""
    is_open, past = clocks.open(), clocks.due < now
    return {
        "in_time": ~is_open & ~clocks.late,
        "late": clocks.late,
        "running": is_open & ~past,
        "overdue": is_open & past,
    }


def _by(
    view: View,
    axis: str,
    clock: str,
    clocks: ClockFacts,
    states: dict[str, Bools],
    inside: CaseFilter,
) -> Iterator[Kept]:
    column = view.facts[axis].take(clocks.row)
    table = np.stack(
        [
            np.bincount(column.values[states[state]] + 1, minlength=len(column.codes) + 1)
            for state in STATES
        ],
        axis=1,
    )
    order = np.argsort(-table.sum(axis=1), kind="stable")
    names = (NONE, *column.codes)
    for place in order:
        if table[place].any():
            code = names[place]
            counts = dict(zip(STATES, (int(n) for n in table[place]), strict=True))
            of = inside.plus(**{axis: code})
            yield _kept(code, view.axes[axis].label(code), counts, of, clock)


def _kept(code: str, name: str, counts: dict[str, int], of: CaseFilter, clock: str) -> Kept:
    found = {state: Count(counts[state], of.clock(clock, state)) for state in STATES}
    return Kept(code, name, **found)
