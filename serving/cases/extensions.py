"""Which extension (延期) a clock may have next: 令2020-3 Art. 18 allows one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.store.cases import BREACHED, PAUSED, RUNNING
from serving.store.rows.cases import ClockRow
from serving.triage.policy import Policy


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of `clock`, and when it would be due with it.

    `further` is one behind another: 令2020-3 Art. 18 asks for the approval of the institution above
    or of the senior management of the head office for it.
    """

    clock: str
    id: str
    name: str
    basis: str
    due_at: datetime
    further: bool


def offered(
    rows: Sequence[ClockRow], answer: Mapping[str, Any], policy: Policy
) -> dict[str, Extension]:
    """The next extension of each clock that was not met, by clock; `answer` is what holds."""
    limits = {limit["clock"]: limit for limit in answer["deadlines"]}
    extends = {clock.id: clock.extends for clock in policy.pack.deadlines.clocks if clock.extension}
    found = {}
    for row in rows:
        if row.met_at is None and row.state in (RUNNING, PAUSED, BREACHED):
            own = [limit for id_, limit in limits.items() if extends.get(id_) == row.clock]
            following = _following(row, own, limits)
            if following is not None:
                found[row.clock] = following
    return found


def _following(
    row: ClockRow, own: Sequence[Mapping[str, Any]], limits: Mapping[str, Mapping[str, Any]]
) -> Extension | None:
    steps = sorted(own, key=_due)
    before = limits.get(row.extended or row.clock)
    if before is None:
        return None
    for place, limit in enumerate(steps):
        # What the clock gained by standing still it keeps.
        due = row.due_at + (_due(limit) - _due(before))
        if due > row.due_at:
            return Extension(
                row.clock, limit["clock"], limit["name"], limit["basis"], due, further=place > 0
            )
    return None


def _due(limit: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(limit["due_at"])
