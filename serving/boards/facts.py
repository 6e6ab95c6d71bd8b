"""Cases and clocks as columns: what every number on a board or in a report is counted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serving.boards.epoch import NEVER, Seconds

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

# Columns that hold a code, or none.
CODED: Final = (
    "product", "reason", "urgency", "lead", "branch", "source", "channel", "segment",
    "status", "review", "satisfaction", "model", "cause",
)  # fmt: skip
# How a code of none is written in filters and shown in tables.
NONE: Final = "-"


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of codes: `values` (n,) are positions in `codes`, -1 is none."""

    codes: tuple[str, ...]
    values: NDArray[np.int32]

    @classmethod
    def of(cls, given: list[str | None]) -> Coded:
        """Encode a list."""
        codes = tuple(code for code in dict.fromkeys(given) if code is not None)
        positions: dict[str | None, int] = {code: place for place, code in enumerate(codes)}
        positions[None] = -1
        values = np.fromiter(map(positions.__getitem__, given), np.int32, len(given))
        return cls(codes, values)

    def isin(self, wanted: frozenset[str]) -> Bools:
        """(n,) whether the code is one of `wanted`; NONE asks for none."""
        hits = np.array([code in wanted for code in self.codes] + [NONE in wanted], dtype=np.bool_)
        chosen: Bools = hits[self.values]
        return chosen

    def take(self, rows: Any) -> Coded:
        """The codes of these rows."""
        return Coded(self.codes, self.values[rows])

    def mapped(self, codes: Mapping[str, str]) -> Coded:
        """Every code replaced by what `codes` says; codes it does not know stay."""
        positions: dict[str, int] = {}
        table = [positions.setdefault(codes.get(code, code), len(positions)) for code in self.codes]
        return Coded(tuple(positions), np.asarray([*table, -1], dtype=np.int32)[self.values])

    def counts(self, rows: Bools | None = None) -> dict[str, int]:
        """How often each code occurs (none under NONE), codes that do not left out."""
        values = self.values if rows is None else self.values[rows]
        found = np.bincount(values + 1, minlength=len(self.codes) + 1)
        named = {code: int(n) for code, n in zip(self.codes, found[1:], strict=True) if n}
        return {**named, NONE: int(found[0])} if found[0] else named


def join(first: Coded, second: Coded) -> Coded:
    """Both columns, one after the other."""
    positions = {code: place for place, code in enumerate(first.codes)}
    table = [positions.setdefault(code, len(positions)) for code in second.codes]
    moved = np.asarray([*table, -1], dtype=np.int32)[second.values]
    return Coded(tuple(positions), np.concatenate([first.values, moved]))


@dataclass(frozen=True, eq=False)
class ClockFacts:
    """Clocks, void ones left out. `row` (m,) is the case's position; NEVER where not yet met."""

    row: Ints
    clock: Coded
    statutory: Bools
    extended: Bools
    started: Seconds
    due: Seconds
    strict: Seconds
    met: Seconds
    late: Bools

    def take(self, rows: Any) -> ClockFacts:
        """Some of the clocks."""
        return ClockFacts(*(_taken(getattr(self, item.name), rows) for item in fields(self)))

    def open(self) -> Bools:
        """(m,) not yet met."""
        unmet: Bools = self.met == NEVER
        return unmet

    def overdue(self, now: int) -> Bools:
        """(m,) not yet met, and due before `now`."""
        return self.open() & (self.due < now)

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class Facts:
    """n cases by ascending id. Times are whole seconds since 1970, NEVER where there is none."""

    ids: NDArray[np.bytes_]
    coded: Mapping[str, Coded]
    received: Seconds
    accepted: Seconds
    resolved: Seconds
    confidence: NDArray[np.float64]
    priority: NDArray[np.float64]
    automatic: Bools
    audit: Bools
    merged: Bools
    bounces: Ints
    flags: Mapping[str, Bools]
    clocks: ClockFacts
    derived: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> Coded:
        return self.coded[name]

    def id(self, row: int) -> str:
        """The complaint's id."""
        return bytes(self.ids[row]).decode()

    def rows_of(self, ids: NDArray[np.bytes_]) -> Ints:
        """Positions of these ids, -1 for one that is not here."""
        places = np.searchsorted(self.ids, ids)
        inside = np.minimum(places, max(len(self) - 1, 0))
        known = self.ids[inside] == ids if len(self) else np.zeros(len(ids), dtype=np.bool_)
        return np.where(known, inside, -1).astype(np.int64)

    def flag(self, code: str) -> Bools:
        """(n,) whether the sensitive marker was set."""
        found = self.flags.get(code)
        return found if found is not None else np.zeros(len(self), dtype=np.bool_)

    def take(self, mask: Bools) -> Facts:
        """The cases of `mask` (n,), with their clocks."""
        moved = np.cumsum(mask) - 1
        kept = self.clocks.take(mask[self.clocks.row])
        return replace(
            self,
            ids=self.ids[mask],
            coded={name: column.take(mask) for name, column in self.coded.items()},
            flags={name: values[mask] for name, values in self.flags.items()},
            clocks=replace(kept, row=moved[kept.row]),
            derived={},
            **{name: getattr(self, name)[mask] for name in PLAIN},
        )


PLAIN: Final = (
    "received", "accepted", "resolved", "confidence", "priority", "automatic", "audit", "merged",
    "bounces",
)  # fmt: skip


def _taken(values: Any, rows: Any) -> Any:
    return values.take(rows) if isinstance(values, Coded) else values[rows]


def nothing() -> Facts:
    """No case at all."""
    ints, bools = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    floats, none = np.zeros(0), Coded((), np.zeros(0, dtype=np.int32))
    clocks = ClockFacts(ints, none, bools, bools, ints, ints, ints, ints, bools)
    return Facts(
        np.zeros(0, dtype="S26"), dict.fromkeys(CODED, none), ints, ints, ints, floats, floats,
        bools, bools, bools, ints, {}, clocks,
    )  # fmt: skip
