"""How a report's cells are written: for people as text, for a workbook as number formats."""

from __future__ import annotations

import re
from typing import Final

from serving.reports.report import Cell, Column, Head, Kind, Row, Table

NOTHING: Final = "—"
CODES: Final = "代码"
"""The title of a column of codes."""
# Codes of lists that no authority publishes: retail_credit, where JR/T has B0201.
_INNER: Final = re.compile(r"[a-z][a-z0-9_]*")
_EXCEL: Final[dict[Kind, str]] = {
    "text": "@",
    "count": "#,##0",
    "share": "0.0%",
    "change": "+0.0%;-0.0%;0.0%",
    "number": "#,##0.0",
}


def read(table: Table) -> list[int]:
    """Columns for people: codes that are only our own words, or the names again, are for files."""
    places = list(range(len(table.columns)))
    if table.columns[0].title != CODES:
        return places
    given = [(str(row.cells[0] or ""), row.cells[1]) for row in table.rows]
    inner = all(not code or code == name or _INNER.fullmatch(code) for code, name in given)
    return places[1:] if inner else places


def kind_of(column: Column, row: Row) -> Kind:
    """How a cell is written: as the column says, unless the row knows better."""
    if column.kind == "number" and row.kind is not None:
        return row.kind
    return column.kind


def text(cell: Cell, column: Column, row: Row) -> str:
    """A cell for people: 12,345; 87.5%; +12.3%; — for none."""
    if cell is None:
        return NOTHING
    if isinstance(cell, str):
        return cell
    kind = kind_of(column, row)
    if kind == "count":
        return f"{cell:,.0f}"
    if kind == "share":
        return f"{cell * 100:.1f}%"
    if kind == "change":
        moved = round(cell * 100, 1)
        return f"{moved:+.1f}{_points(row)}" if moved else f"0.0{_points(row)}"
    return f"{cell:,.1f}"


def _points(row: Row) -> str:
    """Shares differ by points (百分点), not by per cent of each other."""
    return " 个百分点" if row.kind == "share" else "%"


def made_at(head: Head) -> str:
    """When a report was made, to the minute: 2026-11-22 16:05."""
    return head.generated_at.replace("T", " ")[:16]


def excel(column: Column, row: Row) -> str:
    """The number format of a cell in a workbook."""
    if column.kind == "change" and row.kind == "share":
        # Scaled by the per cent sign, which the format hides behind a word.
        return '+0.0%"（点）";-0.0%"（点）"'
    return _EXCEL[kind_of(column, row)]


def titled(table_title: str, taken: set[str]) -> str:
    """A sheet's name: at most 31 characters, none of []:*?/\\, none twice."""
    plain = "".join("×" if c in "[]:*?/\\" else c for c in table_title)[:28].strip() or "表"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}{number}", number + 1
    taken.add(name)
    return name
