"""By when what has to happen: each clock of the policy, reckoned under 民法典 Art. 201 and 203."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from data.calendar import WorkCalendar
from data.taxonomy.schema import Taxonomy
from serving.triage.conditions import Condition, Facts, compile_when
from serving.triage.schema import Clock, DeadlinesFile, Limit, Roles, Unit
from serving.triage.types import Deadline

# A limit in days ends at 24:00 of its last day (民法典 Art. 203).
_LAST_MOMENT = time(23, 59, 59)


@dataclass(frozen=True)
class CompiledLimit:
    """How long a clock runs where its condition holds."""

    condition: Condition
    amount: int
    unit: Unit


@dataclass(frozen=True)
class CompiledClock:
    """A clock with its limits, first match first."""

    clock: Clock
    limits: tuple[CompiledLimit, ...]


@dataclass(frozen=True)
class Clocks:
    """All clocks of a policy, with the calendar they are reckoned on."""

    zone: ZoneInfo
    calendar: WorkCalendar
    clocks: tuple[CompiledClock, ...]

    def local(self, when: datetime) -> datetime:
        """`when` on the bank's own clock; a time without a zone is taken to be that already."""
        return when.replace(tzinfo=self.zone) if when.tzinfo is None else when.astimezone(self.zone)

    def deadlines(self, received_at: datetime, facts: Facts) -> tuple[Deadline, ...]:
        """Every clock that runs for this complaint, in file order."""
        received = self.local(received_at)
        running = (
            (compiled.clock, next((x for x in compiled.limits if x.condition.holds(facts)), None))
            for compiled in self.clocks
        )
        return tuple(
            self._deadline(clock, limit, received) for clock, limit in running if limit is not None
        )

    def _deadline(self, clock: Clock, limit: CompiledLimit, received: datetime) -> Deadline:
        strict = self._strict(limit, received)
        due = strict
        if clock.roll and limit.unit in ("working_days", "natural_days"):
            due = self._end_of(self.calendar.roll(strict.date()))
        counted = clock.roll and limit.unit not in ("minutes", "hours")
        return Deadline(
            clock=clock.id,
            name=clock.name,
            due_at=due,
            strict_due_at=strict,
            basis=clock.basis,
            statutory=clock.kind == "statutory",
            extension=clock.extension,
            provisional=counted and not self.calendar.knows_between(received.date(), due.date()),
        )

    def _strict(self, limit: CompiledLimit, received: datetime) -> datetime:
        if limit.unit == "minutes":
            return received + timedelta(minutes=limit.amount)
        if limit.unit == "hours":
            return received + timedelta(hours=limit.amount)
        if limit.unit == "working_days":
            return self._end_of(self.calendar.add_working_days(received.date(), limit.amount))
        return self._end_of(received.date() + timedelta(days=limit.amount))

    def _end_of(self, day: date) -> datetime:
        return datetime.combine(day, _LAST_MOMENT, tzinfo=self.zone)


def compile_clocks(
    file: DeadlinesFile, roles: Roles, taxonomy: Taxonomy, calendar: WorkCalendar
) -> Clocks:
    """Make a deadlines file ready to run; it was checked before."""
    return Clocks(
        zone=ZoneInfo(file.timezone),
        calendar=calendar,
        clocks=tuple(
            CompiledClock(clock, _limits(clock.limits, roles, taxonomy)) for clock in file.clocks
        ),
    )


def _limits(limits: Sequence[Limit], roles: Roles, taxonomy: Taxonomy) -> tuple[CompiledLimit, ...]:
    return tuple(
        CompiledLimit(compile_when(limit.when, roles, taxonomy), limit.amount, limit.unit)
        for limit in limits
    )
