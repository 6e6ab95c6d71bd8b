"""A report as CSV: a zip with one file for each table, in UTF-8 that Excel recognises."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Final

from serving.reports.report import Cell, Report, Table
from serving.reports.workbook import plain

MEDIA_TYPE: Final = "application/zip"
# Excel takes a file for UTF-8 only with this before it.
BOM: Final = b"\xef\xbb\xbf"
_UNDATED: Final = (1980, 1, 1, 0, 0, 0)


def tables_zip(report: Report) -> bytes:
    """The archive's bytes; the same report gives the same."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "00_说明.csv", _csv(_notes(report)))
        for number, table in enumerate(report.tables, 1):
            name = table.title.replace("/", "_").replace("：", "_").replace(" ", "")
            _add(archive, f"{number:02d}_{name}.csv", _csv(_rows(table)))
    return target.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _UNDATED), content, zipfile.ZIP_DEFLATED)


def _csv(rows: list[list[Cell]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["" if v is None else plain(v) for v in row] for row in rows])
    return BOM + buffer.getvalue().encode()


def _rows(table: Table) -> list[list[Cell]]:
    level = {"plain": "", "sub": "小计", "total": "合计"}
    return [
        ["行", *(column.title for column in table.columns)],
        *([level[row.level], *row.cells] for row in table.rows),
    ]


def _notes(report: Report) -> list[list[Cell]]:
    head = report.head
    rows: list[tuple[Cell, Cell]] = [
        ("报表", head.title),
        ("统计期间", head.period_title),
        ("统计范围", head.scope_title),
        ("计数方式", head.counting),
        ("受理件数", head.cases),
        ("收到件数", head.received),
        ("生成时间", head.generated_at),
        ("生成人", head.generated_by),
        *head.versions,
        *report.notes,
        *((f"从略：{name}", why) for name, why in report.omitted),
    ]
    return [list(row) for row in rows]
