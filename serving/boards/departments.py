"""Departments (部门): what each has on its desk, sends back, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from serving.boards.epoch import DAY, NEVER, day_number
from serving.boards.facts import NONE, Bools
from serving.boards.view import OPEN, Count, View


@dataclass(frozen=True, slots=True)
class Load:
    """A department or branch: `received` and `resolved` in the span, `open` and `overdue` now.

    `bounced` are those received in the span that came back at least once; `median_days` is from
    receipt to closing, of those closed in the span, None without any.
    """

    code: str
    name: str
    open: Count
    received: Count
    resolved: Count
    bounced: Count
    overdue: Count
    median_days: float | None

    @property
    def bounced_share(self) -> float | None:
        """Of what was received, how much came back; None where nothing was."""
        return self.bounced.n / self.received.n if self.received.n else None


def loads(view: View, axis: str, first: date, end: date) -> tuple[Load, ...]:
    """Every department (`lead`) or branch (`branch`), the one with most on its desk first."""
    facts, chosen = view.facts, view.chosen()
    received = chosen & view.between(first, end)
    closed_days = view.days(facts.resolved)
    resolved = chosen & (closed_days >= day_number(first)) & (closed_days < day_number(end))
    is_open = chosen & facts["status"].isin(frozenset(OPEN))
    late = view.mask(view.base.clock("statutory", "overdue"))
    column = facts[axis]
    taken = (facts.resolved - facts.received) / DAY
    counted = {
        "open": column.counts(is_open),
        "received": column.counts(received),
        "resolved": column.counts(resolved),
        "bounced": column.counts(received & (facts.bounces > 0)),
        "overdue": column.counts(late),
    }
    inside, closed = view.received_on(first, end), view.base.plus(resolved=view.span(first, end))
    filters = {
        "open": view.base.plus(status=OPEN),
        "received": inside,
        "resolved": closed,
        "bounced": inside.plus(bounced=True),
        "overdue": view.base.clock("statutory", "overdue"),
    }
    medians = _medians(column.values, resolved & (facts.resolved != NEVER), taken)
    codes = (NONE, *column.codes)
    found = [
        Load(
            code,
            view.axes[axis].label(code),
            median_days=medians.get(place - 1),
            **{
                name: Count(counts.get(code, 0), filters[name].plus(**{axis: code}))
                for name, counts in counted.items()
            },
        )
        for place, code in enumerate(codes)
        if any(counts.get(code) for counts in counted.values())
    ]
    return tuple(sorted(found, key=lambda load: (-load.open.n, -load.received.n, load.code)))


def _medians(
    codes: NDArray[np.int32],
    rows: Bools,
    values: NDArray[np.float64],
) -> dict[int, float]:
    """By code the median of the rows' values."""
    where = np.flatnonzero(rows)
    order = where[np.argsort(codes[where], kind="stable")]
    edges = np.flatnonzero(np.diff(codes[order], prepend=-2))
    parts = np.split(values[order], edges[1:]) if len(order) else []
    return {
        int(codes[order[edge]]): float(np.median(part))
        for edge, part in zip(edges, parts, strict=True)
    }
