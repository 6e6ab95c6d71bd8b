"""How a report's cells are written: for people as text, for a workbook as number formats."""

from __future__ import annotations

from typing import Final

from serving.reports.report import Cell, Column, Kind, Row

NOTHING: Final = "—"
_EXCEL: Final[dict[Kind, str]] = {
    "text": "@",
    "count": "#,##0",
    "share": "0.0%",
    "change": "+0.0%;-0.0%;0.0%",
    "number": "#,##0.0",
}


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
        return f"{cell * 100:+.1f}{_points(row)}"
    return f"{cell:,.1f}"


def _points(row: Row) -> str:
    """Shares differ by points (百分点), not by per cent of each other."""
    return "个百分点" if row.kind == "share" else "%"


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
