"""What a report counts: the cases of its period, of the one before, and of a year before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serving.boards.epoch import day_number
from serving.boards.facts import NONE, Bools, Facts, Ints
from serving.boards.filter import CaseFilter
from serving.boards.period import Period
from serving.boards.view import View
from serving.reports.definition import Definition

PERSON, CORPORATE, UNKNOWN = "person", "corporate", "unknown"


@dataclass(frozen=True)
class Scope:
    """A view, a period and the bank's definitions; `merged` counts duplicates that were joined
    to another complaint only once, with that one.
    """

    view: View
    period: Period
    definition: Definition
    merged: bool = True

    @property
    def facts(self) -> Facts:
        """All cases."""
        return self.view.facts

    @cached_property
    def filter(self) -> CaseFilter:
        """The complaints that are counted."""
        found = self.received_filter
        return found.plus(merged=False) if self.merged else found

    @property
    def received_filter(self) -> CaseFilter:
        """The complaints that came in, duplicates with them."""
        return self.view.received_on(self.period.first, self.period.end)

    @cached_property
    def received(self) -> Bools:
        """(n,) came in within the period, duplicates with them."""
        return self.base & self.view.between(self.period.first, self.period.end)

    @cached_property
    def current(self) -> Bools:
        """(n,) counted."""
        return self._counted(self.period)

    @cached_property
    def before(self) -> Bools:
        """(n,) counted in the period before."""
        return self._counted(self.period.before())

    @cached_property
    def last_year(self) -> Bools:
        """(n,) counted in the same period of the year before."""
        return self._counted(self.period.last_year())

    @cached_property
    def base(self) -> Bools:
        """(n,) what the report is narrowed to, of any time."""
        return self.view.chosen()

    def _counted(self, period: Period) -> Bools:
        rows = self.base & self.view.between(period.first, period.end)
        return rows & ~self.facts.merged if self.merged else rows

    def month(self, period: Period) -> Bools:
        """(n,) counted in a month, of those of the period."""
        return self.current & self.view.between(period.first, period.end)

    @cached_property
    def rows(self) -> Ints:
        """Positions of the cases that are counted."""
        return np.flatnonzero(self.current)

    @cached_property
    def customers(self) -> dict[str, Bools]:
        """(n,) natural persons, corporate customers, and those of whom nothing is known."""
        segment, persons = self.facts["segment"], self.definition.persons
        nobody = np.zeros(len(self.facts), dtype=np.bool_)
        unknown = segment.isin(frozenset({NONE}))
        if persons is None:
            return {PERSON: nobody, CORPORATE: nobody, UNKNOWN: ~nobody}
        corporate = segment.isin(frozenset(persons.corporate))
        named = ~unknown & ~corporate
        person = named if persons.otherwise == "person" else nobody
        return {PERSON: person, CORPORATE: corporate, UNKNOWN: ~person & ~corporate}

    @cached_property
    def regulator(self) -> Bools:
        """(n,) referred by a regulator."""
        return self.facts["source"].isin(frozenset(self.definition.regulators))

    @cached_property
    def repeated(self) -> Bools:
        """(n,) made before."""
        found = np.zeros(len(self.facts), dtype=np.bool_)
        for code in self.definition.repeated:
            found |= self.facts.flag(code)
        return found

    @cached_property
    def resolved(self) -> Bools:
        """(n,) closed with a result."""
        return self.facts["status"].isin(frozenset({"resolved"}))

    @cached_property
    def satisfied(self) -> Bools:
        """(n,) the customer is satisfied."""
        return self.facts["satisfaction"].isin(frozenset(self.definition.satisfied))

    @cached_property
    def asked(self) -> Bools:
        """(n,) the customer gave an opinion."""
        return self.facts["satisfaction"].values >= 0

    @cached_property
    def closed_within(self) -> Ints:
        """(n,) local days from receipt to closing, the day of receipt not counted; -1 if open."""
        closed = self.view.days(self.facts.resolved)
        taken = closed - self.view.days()
        return np.where(self.resolved & (closed > 0), taken, -1)

    @cached_property
    def age(self) -> Ints:
        """(n,) local days from receipt to now."""
        return day_number(self.view.today) - self.view.days()
