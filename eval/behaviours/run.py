"""Run a suite of behaviour tests and count, capability by type."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eval.behaviours.answer import Answerer
from eval.behaviours.check import Miss, check
from eval.behaviours.suite import KINDS, Case, Kind, Suite


@dataclass(frozen=True, slots=True)
class Cell:
    """Cases of one capability and type, and how many hold."""

    cases: int
    passed: int

    @property
    def rate(self) -> float:
        """Share that holds; 1 where there is no case."""
        return self.passed / self.cases if self.cases else 1.0

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.cases + other.cases, self.passed + other.passed)


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that does not hold, with all it expected in vain."""

    id: str
    capability: str
    kind: Kind
    text: str
    why: str
    misses: tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One capability: its name and its cells by type (only the types it has)."""

    name: str
    cells: Mapping[Kind, Cell]

    @property
    def total(self) -> Cell:
        """All types together."""
        return sum(self.cells.values(), Cell(0, 0))


@dataclass(frozen=True, slots=True)
class BehaviourReport:
    """The capability × type table and every failure; `suite` is the stamp of what was run."""

    suite: str
    rows: Mapping[str, Row]
    failures: tuple[Failure, ...]

    @property
    def total(self) -> Cell:
        """All cases."""
        return sum((row.total for row in self.rows.values()), Cell(0, 0))

    def of_kind(self, kind: Kind) -> Cell:
        """All cases of one type."""
        cells = (row.cells.get(kind, Cell(0, 0)) for row in self.rows.values())
        return sum(cells, Cell(0, 0))

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "suite": self.suite,
            "total": _cell(self.total),
            "kinds": {kind: _cell(self.of_kind(kind)) for kind in KINDS},
            "capabilities": {
                key: {"name": row.name, **{kind: _cell(cell) for kind, cell in row.cells.items()}}
                for key, row in self.rows.items()
            },
            "failures": [asdict(failure) for failure in self.failures],
        }


def run_behaviours(
    answer: Answerer, suite: Suite, on_case: Callable[[int], None] = lambda _: None
) -> BehaviourReport:
    """Check every case. `answer` is asked once for each text; `on_case` gets the number done."""
    ask = functools.cache(answer)
    counts: dict[str, dict[Kind, Cell]] = {key: {} for key in suite.capabilities}
    failures = []
    for done, case in enumerate(suite.cases, 1):
        misses = check(case, ask, suite.urgency)
        cells = counts[case.capability]
        cells[case.kind] = cells.get(case.kind, Cell(0, 0)) + Cell(1, int(not misses))
        if misses:
            failures.append(_failure(case, misses))
        on_case(done)
    rows = {key: Row(name, counts[key]) for key, name in suite.capabilities.items()}
    return BehaviourReport(suite.stamp, rows, tuple(failures))


def _failure(case: Case, misses: tuple[Miss, ...]) -> Failure:
    test = case.test
    return Failure(test.id, case.capability, case.kind, test.text, test.why, misses)


def _cell(cell: Cell) -> dict[str, Any]:
    return {"cases": cell.cases, "passed": cell.passed, "rate": round(cell.rate, 4)}
