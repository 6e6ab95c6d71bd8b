"""A report as an Excel workbook: a sheet of notes, then a sheet for each table."""

from __future__ import annotations

import io
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from serving.reports.report import Report, Row, Table
from serving.reports.writing import excel, kind_of, made_at, titled

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEAD_ROW: Final = 4
_FONT = "Microsoft YaHei"
_FILL = PatternFill("solid", fgColor="E8EEF7")
_TOTAL_FILL = PatternFill("solid", fgColor="F4F6FA")
_LINE = Side(style="thin", color="C5CEDC")
_WIDEST: Final = 48
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def workbook(report: Report) -> bytes:
    """The file's bytes."""
    book = Workbook()
    sheet = book.active
    if not isinstance(sheet, Worksheet):
        raise TypeError("a new workbook has a sheet")
    taken: set[str] = set()
    sheet.title = titled("说明", taken)
    _notes(sheet, report)
    for table in report.tables:
        _sheet(book.create_sheet(titled(table.title, taken)), table, report)
    book.properties.title = report.head.title
    book.properties.creator = report.head.generated_by
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def plain(value: Any) -> Any:
    """A text that no spreadsheet runs as a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _notes(sheet: Worksheet, report: Report) -> None:
    head = report.head
    rows: list[tuple[str, Any]] = [
        (head.title, ""),
        ("统计期间", head.period_title),
        ("统计范围", head.scope_title),
        ("计数方式", head.counting),
        ("受理件数", head.cases),
        ("收到件数", head.received),
        ("并入其他投诉", head.merged),
        ("期间是否已结束", "是" if head.complete else "否，数字仍会变动"),
        ("核对", "各表合计与受理件数一致" if report.reconciled else "有表不一致，见“核对”"),
        ("生成时间", made_at(head)),
        ("生成人", head.generated_by),
        *head.versions,
        ("", ""),
        *report.notes,
        ("", ""),
        *((f"从略：{name}", why) for name, why in report.omitted),
    ]
    for number, (name, value) in enumerate(rows, 1):
        _put(sheet, number, 1, name, bold=True)
        cell = _put(sheet, number, 2, plain(value))
        cell.alignment = Alignment(wrap_text=True, vertical="top", horizontal="left")
        if isinstance(value, int):
            cell.number_format = "#,##0"
    sheet["A1"].font = Font(name=_FONT, size=14, bold=True)
    sheet.column_dimensions["A"].width = 24
    sheet.column_dimensions["B"].width = 90
    sheet.freeze_panes = "A2"


def _sheet(sheet: Worksheet, table: Table, report: Report) -> None:
    _put(sheet, 1, 1, table.title, bold=True, size=13)
    _put(
        sheet,
        2,
        1,
        f"{report.head.period_title}　{report.head.scope_title}　{report.head.counting}",
    )
    _put(sheet, 3, 1, table.note)
    for place, column in enumerate(table.columns, 1):
        title = _put(sheet, HEAD_ROW, place, plain(column.title), bold=True)
        title.fill = _FILL
        title.border = Border(bottom=_LINE)
        side = "left" if column.kind == "text" else "right"
        title.alignment = Alignment(horizontal=side, vertical="center", wrap_text=True)
    for number, row in enumerate(table.rows, HEAD_ROW + 1):
        _row(sheet, number, table, row)
    texts = sum(1 for column in table.columns[:2] if column.kind == "text") or 1
    sheet.freeze_panes = sheet.cell(HEAD_ROW + 1, texts + 1).coordinate
    _widths(sheet, table)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{HEAD_ROW}:{HEAD_ROW}"


def _row(sheet: Worksheet, number: int, table: Table, row: Row) -> None:
    for place, (column, value) in enumerate(zip(table.columns, row.cells, strict=True), 1):
        cell: SheetCell = _put(sheet, number, place, plain(value), bold=row.level != "plain")
        cell.number_format = excel(column, row)
        if kind_of(column, row) == "text":
            indent = row.depth if column.title == "名称" else 0
            wrap = len(str(value)) > _WIDEST
            cell.alignment = Alignment(indent=indent, wrap_text=wrap, vertical="top")
        if row.level == "total":
            cell.fill = _TOTAL_FILL
            cell.border = Border(top=_LINE)


def _widths(sheet: Worksheet, table: Table) -> None:
    for place, column in enumerate(table.columns, 1):
        longest = max(
            [_width(column.title), *(_width(str(row.cells[place - 1] or "")) for row in table.rows)]
            if column.kind == "text"
            else [_width(column.title), 10]
        )
        sheet.column_dimensions[get_column_letter(place)].width = min(longest + 3, _WIDEST)


def _width(value: str) -> int:
    """In columns of a terminal: Chinese characters take two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in value)


def _put(
    sheet: Worksheet, row: int, column: int, value: Any, *, bold: bool = False, size: int = 10
) -> SheetCell:
    cell = sheet.cell(row, column, value)
    if not isinstance(cell, SheetCell):
        raise TypeError("no cell is merged here")
    cell.font = Font(name=_FONT, size=size, bold=bold)
    return cell
