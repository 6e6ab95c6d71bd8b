"""A report as a value: the only source of the page, the workbook, the CSV, the PDF and the JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

# count: a whole number; share: of 1; change: against another period, of 1; number: one decimal.
Kind = Literal["text", "count", "share", "change", "number"]
Cell = str | int | float | None
# plain: one of those that add up; sub: contains the plain ones below it; total: all of them.
Level = Literal["plain", "sub", "total"]
# A new number where a reader of older JSON would misread it.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and how its cells are written."""

    title: str
    kind: Kind = "count"


@dataclass(frozen=True, slots=True)
class Row:
    """Cells in the columns' order. `depth` indents; `links` are filters by column number.

    `kind` is how this row writes the columns of numbers, where the rows of a table differ.
    """

    key: str
    cells: tuple[Cell, ...]
    level: Level = "plain"
    depth: int = 0
    links: Mapping[int, str] = field(default_factory=dict)
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `adds_up` names the column whose plain rows must give the cases of the period."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    adds_up: int | None = None

    def sum(self, column: int) -> int:
        """The plain rows of a column of counts, added."""
        return sum(int(row.cells[column] or 0) for row in self.rows if row.level == "plain")


@dataclass(frozen=True, slots=True)
class Check:
    """A table's total against the complaints behind it."""

    table: str
    title: str
    total: int
    cases: int

    @property
    def holds(self) -> bool:
        """Whether they are equal."""
        return self.total == self.cases


@dataclass(frozen=True, slots=True)
class Head:
    """What a report is about and what it was made from; times are ISO 8601."""

    title: str
    period: str
    period_title: str
    first: str
    end: str
    zone: str
    scope: str
    scope_title: str
    counting: str
    cases: int
    received: int
    merged: int
    complete: bool
    generated_at: str
    generated_by: str
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Tables of a period, what was left out and why, and what every term means."""

    head: Head
    tables: tuple[Table, ...]
    omitted: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...]

    def table(self, id_: str) -> Table:
        """A table by its id. Raises KeyError."""
        for table in self.tables:
            if table.id == id_:
                return table
        raise KeyError(id_)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Each table that must add up, against the number of cases."""
        return tuple(
            Check(table.id, table.title, table.sum(table.adds_up), self.head.cases)
            for table in self.tables
            if table.adds_up is not None
        )

    @property
    def reconciled(self) -> bool:
        """Whether all of them do."""
        return all(check.holds for check in self.checks)


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain JSON."""
    head = {**asdict(report.head), "versions": [list(item) for item in report.head.versions]}
    return {
        "format": FORMAT,
        "head": head,
        "tables": [_table(table) for table in report.tables],
        "omitted": [list(item) for item in report.omitted],
        "notes": [list(item) for item in report.notes],
        "reconciled": report.reconciled,
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "id": table.id,
        "title": table.title,
        "note": table.note,
        "adds_up": table.adds_up,
        "columns": [asdict(column) for column in table.columns],
        "rows": [
            {
                "key": row.key,
                "level": row.level,
                "depth": row.depth,
                "kind": row.kind,
                "cells": list(row.cells),
                "links": {str(column): query for column, query in row.links.items()},
            }
            for row in table.rows
        ],
    }


def of_json(document: Mapping[str, Any]) -> Report:
    """What `to_json` wrote."""
    head = dict(document["head"])
    return Report(
        Head(**{**head, "versions": _pairs(head["versions"])}),
        tuple(_table_of(table) for table in document["tables"]),
        _pairs(document["omitted"]),
        _pairs(document["notes"]),
    )


def _table_of(table: Mapping[str, Any]) -> Table:
    return Table(
        table["id"],
        table["title"],
        tuple(Column(**column) for column in table["columns"]),
        tuple(
            Row(
                row["key"],
                tuple(row["cells"]),
                row["level"],
                row["depth"],
                {int(column): query for column, query in row["links"].items()},
                row["kind"],
            )
            for row in table["rows"]
        ),
        table["note"],
        table["adds_up"],
    )


def _pairs(lists: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in lists)


def canonical(report: Report) -> bytes:
    """The same bytes for the same report, whoever made it and when."""
    document = to_json(report)
    for name in ("generated_at", "generated_by"):
        document["head"].pop(name)
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def digest(report: Report) -> str:
    """SHA-256 of the canonical bytes, hexadecimal."""
    return hashlib.sha256(canonical(report)).hexdigest()
