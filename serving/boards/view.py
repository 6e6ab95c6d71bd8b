"""A look at the facts: what is counted carries the filter that lists the complaints behind it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from serving.boards.axes import Axes
from serving.boards.choosing import mask
from serving.boards.epoch import (
    DAY,
    NEVER,
    Days,
    Seconds,
    day_number,
    local_seconds,
    midnight,
    seconds,
)
from serving.boards.facts import NONE, Bools, ClockFacts, Coded, Facts
from serving.boards.filter import CaseFilter, Span
from serving.boards.live import Board

OPEN: Final = ("open", "accepted")


@dataclass(frozen=True, slots=True)
class Count:
    """A number of complaints, and which they are."""

    n: int
    filter: CaseFilter

    @property
    def href(self) -> str:
        """The list of them."""
        return f"/ui/cases?{self.filter.query()}"


@dataclass(frozen=True)
class View:
    """The facts as of a moment, the names of things, and what the viewer narrowed it all to."""

    board: Board
    axes: Axes
    zone: ZoneInfo
    now: datetime
    base: CaseFilter = field(default_factory=CaseFilter)

    @property
    def facts(self) -> Facts:
        """All cases."""
        return self.board.facts

    @property
    def key(self) -> Hashable:
        """What makes two looks at one board the same, the clock apart."""
        return self.base.query()

    @property
    def today(self) -> date:
        """The day it is in the bank's zone."""
        return self.now.astimezone(self.zone).date()

    def mask(self, wanted: CaseFilter) -> Bools:
        """(n,) the cases that are meant."""
        return mask(self.facts, wanted, self.axes, self.now, self.board.judged)

    def count(self, wanted: CaseFilter) -> Count:
        """How many are meant."""
        return Count(int(self.mask(wanted).sum()), wanted)

    def chosen(self) -> Bools:
        """(n,) what the viewer narrowed it to."""
        return self.mask(self.base)

    def days(self, times: Seconds | None = None) -> Days:
        """(n,) the local day of receipt (or of `times`), as a number; NEVER where there is none."""
        if times is None:
            derived = self.facts.derived
            if "days" not in derived:
                derived["days"] = self._days(self.facts.received)
            found: Days = derived["days"]
            return found
        return self._days(times)

    def _days(self, times: Seconds) -> Days:
        known = times != NEVER
        days = np.full(len(times), NEVER, dtype=np.int64)
        days[known] = local_seconds(times[known], self.zone) // DAY
        return days

    def received_on(self, first: date, end: date | None = None) -> CaseFilter:
        """The base, received from `first` up to `end` (else on that day)."""
        return self.base.plus(received=self.span(first, end or first + timedelta(days=1)))

    def span(self, first: date, end: date) -> Span:
        """From the midnight of one day to that of another."""
        return Span(midnight(first, self.zone), midnight(end, self.zone))

    def between(self, first: date, end: date) -> Bools:
        """(n,) received on these days."""
        days = self.days()
        chosen: Bools = (days >= day_number(first)) & (days < day_number(end))
        return chosen

    def open_clocks(self) -> ClockFacts:
        """The clocks that are not yet met."""
        derived = self.facts.derived
        if "open_clocks" not in derived:
            derived["open_clocks"] = self.facts.clocks.take(self.facts.clocks.open())
        found: ClockFacts = derived["open_clocks"]
        return found

    def column(self, axis: str, level: int = 0) -> Coded:
        """A column of cases; at a level of its tree, where one is given."""
        column = self.facts[axis]
        found = self.axes.get(axis)
        if not level or found is None or not found.tree:
            return column
        kept = self.facts.derived
        if (axis, level) not in kept:
            kept[axis, level] = column.mapped(found.at_level(level))
        levelled: Coded = kept[axis, level]
        return levelled

    def clock_codes(self) -> list[str]:
        """Clocks that any case has, in the order of the policy."""
        there = set(self.facts.clocks.clock.codes)
        known = [code for code in self.axes.clocks if code in there]
        return known + sorted(there - set(known))

    def ordered(self, axis: str, codes: Iterable[str]) -> list[str]:
        """Codes as their list has them, none last."""
        found = self.axes.get(axis)
        order = found.order() if found else {}
        return sorted(codes, key=lambda code: (code == NONE, order.get(code, len(order)), code))

    def since(self, days: int) -> tuple[date, date]:
        """The last days, today with them."""
        end = self.today + timedelta(days=1)
        return end - timedelta(days=days), end

    @property
    def seconds(self) -> int:
        """Now."""
        return seconds(self.now)
