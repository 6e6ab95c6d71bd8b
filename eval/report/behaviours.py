"""Behaviour tests as a capability × type table, with what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.pii.mask import mask
from eval.suite.result import BehaviourFailure, BehavioursResult, CapabilityResult


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that does not hold: what was expected and got. All texts are masked."""

    id: str
    type: str
    text: str
    misses: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Capability:
    """One row: a cell per type (None where it has no case of the type), and its failures."""

    name: str
    cells: tuple[CapabilityResult | None, ...]
    cases: int
    passed: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The whole table; `totals` has (passed, cases) for each type."""

    types: tuple[str, ...]
    rows: tuple[Capability, ...]
    totals: tuple[tuple[int, int], ...]


def table(result: BehavioursResult) -> Table:
    """Capabilities with the most failures first."""
    types = tuple(sorted({cell.type for cell in result.table}, key=_order))
    names = dict.fromkeys(cell.capability for cell in result.table)
    rows = [_row(result, name, types) for name in names]
    return Table(
        types=types,
        rows=tuple(sorted(rows, key=lambda row: row.passed / max(row.cases, 1))),
        totals=tuple(
            (
                sum(cell.passed for cell in result.table if cell.type == kind),
                sum(cell.cases for cell in result.table if cell.type == kind),
            )
            for kind in types
        ),
    )


def _order(kind: str) -> tuple[int, str]:
    """As CheckList has them (Ribeiro et al. 2020); a type of somebody's own comes last."""
    return (_TYPES.index(kind) if kind in _TYPES else len(_TYPES), kind)


_TYPES = ("MFT", "INV", "DIR")


def _row(result: BehavioursResult, name: str, types: tuple[str, ...]) -> Capability:
    cells = {cell.type: cell for cell in result.table if cell.capability == name}
    return Capability(
        name=name,
        cells=tuple(cells.get(kind) for kind in types),
        cases=sum(cell.cases for cell in cells.values()),
        passed=sum(cell.passed for cell in cells.values()),
        failures=_failures([f for f in result.failures if f.capability == name]),
    )


def _failures(found: Sequence[BehaviourFailure]) -> tuple[Failure, ...]:
    """One for each case, however much of it was missed."""
    cases: dict[str, list[BehaviourFailure]] = {}
    for failure in found:
        cases.setdefault(failure.id, []).append(failure)
    return tuple(
        Failure(
            id=name,
            type=misses[0].type,
            text=mask(misses[0].text).text,
            misses=tuple((m.expected, mask(m.got).text) for m in misses),
        )
        for name, misses in cases.items()
    )
