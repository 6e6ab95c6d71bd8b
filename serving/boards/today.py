"""Today (今日): what came in, what waits, what is late or soon will be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from serving.boards.epoch import DAY, day_number, day_of, local_seconds
from serving.boards.filter import Span
from serving.boards.view import OPEN, Count, View

SPARK_DAYS: Final = 14
# DOMAIN: statutory limits are warned of when 5, 3 and 1 days are left.
RISK_DAYS: Final = (5, 3, 1)
_LIKE_DAYS: Final = 8
_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Clocked:
    """How many cases are past a clock."""

    code: str
    name: str
    statutory: bool
    count: Count


@dataclass(frozen=True, slots=True)
class Hour:
    """Complaints of one hour of today, and the median of the eight like weekdays before."""

    hour: int
    count: Count
    typical: float


@dataclass(frozen=True, slots=True)
class Today:
    """The board of today; `typical` is the median of whole like weekdays, 0 where none is known."""

    day: date
    received: Count
    automatic: Count
    resolved: Count
    waiting: Count
    open: Count
    overdue: Count
    overdue_by_clock: tuple[Clocked, ...]
    urgent: tuple[tuple[str, str, Count], ...]
    at_risk: tuple[tuple[int, Count], ...]
    days: tuple[tuple[date, Count], ...]
    hours: tuple[Hour, ...]
    typical_so_far: float

    @property
    def automatic_share(self) -> float | None:
        """Of what was received today, how much needed nobody; None where nothing was."""
        return self.automatic.n / self.received.n if self.received.n else None


def today(view: View) -> Today:
    """Count it all as of the view's moment."""
    base, day = view.base, view.today
    standing = base.plus(status=OPEN)
    received = view.received_on(day)
    hours = _hours(view)
    local = view.now.astimezone(view.zone)
    return Today(
        day=day,
        received=view.count(received),
        automatic=view.count(received.plus(automatic=True)),
        resolved=view.count(base.plus(resolved=view.span(day, day + timedelta(days=1)))),
        waiting=view.count(base.plus(review="waiting")),
        open=view.count(standing),
        overdue=view.count(base.clock("statutory", "overdue")),
        overdue_by_clock=_overdue(view),
        urgent=tuple(
            (code, view.axes["urgency"].label(code), view.count(standing.plus(urgency=code)))
            for code in view.axes.urgent()
        ),
        at_risk=tuple(
            (days, view.count(base.clock("statutory", f"{days}d"))) for days in RISK_DAYS
        ),
        days=_days(view),
        hours=hours,
        typical_so_far=sum(hour.typical for hour in hours if hour.hour < local.hour),
    )  # fmt: skip


def _overdue(view: View) -> tuple[Clocked, ...]:
    clocks, chosen = view.open_clocks(), view.chosen()
    late = clocks.take(clocks.overdue(view.seconds) & chosen[clocks.row])
    counts = late.clock.counts()
    statutory = dict(zip(late.clock.values.tolist(), late.statutory.tolist(), strict=True))
    place = {code: i for i, code in enumerate(late.clock.codes)}
    return tuple(
        Clocked(
            code,
            view.axes.clock(code),
            view.axes.clocks[code].statutory
            if code in view.axes.clocks
            else statutory.get(place.get(code, -1), False),
            # A case has a clock once at most.
            Count(counts.get(code, 0), view.base.clock(code, "overdue")),
        )
        for code in view.clock_codes()
    )


def _days(view: View) -> tuple[tuple[date, Count], ...]:
    first = day_number(view.today) - SPARK_DAYS + 1
    days = view.days()[view.chosen()] - first
    counts = np.bincount(days[(days >= 0) & (days < SPARK_DAYS)], minlength=SPARK_DAYS)
    return tuple(
        (day_of(first + i), Count(int(n), view.received_on(day_of(first + i))))
        for i, n in enumerate(counts)
    )


def _hours(view: View) -> tuple[Hour, ...]:
    number = day_number(view.today)
    wanted = {number - 7 * week: week for week in range(_LIKE_DAYS + 1)}
    days = view.days()
    rows = view.chosen() & (days > number - 7 * _LIKE_DAYS - 1) & (days <= number)
    rows &= (number - days) % 7 == 0
    hours = local_seconds(view.facts.received[rows], view.zone) % DAY // _HOUR
    table = np.zeros((_LIKE_DAYS + 1, 24), dtype=np.int64)
    np.add.at(table, (np.array([wanted[int(d)] for d in days[rows]], dtype=np.int64), hours), 1)
    before = table[1:]
    known = before[before.sum(axis=1) > 0]
    typical = np.median(known, axis=0) if len(known) else np.zeros(24)
    start = view.span(view.today, view.today + timedelta(days=1)).first
    if start is None:
        raise AssertionError("a day has a beginning")
    return tuple(
        Hour(
            hour,
            Count(
                int(table[0, hour]),
                view.base.plus(
                    received=Span(start + timedelta(hours=hour), start + timedelta(hours=hour + 1))
                ),
            ),
            float(typical[hour]),
        )
        for hour in range(24)
    )
