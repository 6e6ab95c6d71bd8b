"""A report as PDF.

reportlab: pure Python, no system library, and its built-in Chinese CID font needs no font file, so
that it works on a bare server without a network. The reader's own Chinese font draws the text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import (
    Flowable,
    LongTable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)

from serving.reports.report import Column, Report, Row, Table
from serving.reports.writing import CODES, made_at, read, text

MEDIA_TYPE: Final = "application/pdf"
_FONT: Final = "STSong-Light"
_INK, _LINE, _SHADE = (
    colors.HexColor("#1b2433"),
    colors.HexColor("#c5cedc"),
    colors.HexColor("#eef2f8"),
)
_MARGIN: Final = 14 * mm
# What reportlab leaves free on each side of a page's frame.
_PADDING: Final = 6
_LEFT: Final = _MARGIN + _PADDING
_WIDTH: Final = landscape(A4)[0] - 2 * _LEFT
# Beyond so many columns a page is no longer read, and the workbook is for that.
_MOST_COLUMNS: Final = 16


def document(report: Report) -> bytes:
    """The file's bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    target = io.BytesIO()
    template = SimpleDocTemplate(
        target,
        pagesize=landscape(A4),
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=16 * mm,
        title=report.head.title, author=report.head.generated_by, lang="zh-CN",
        invariant=1,
    )  # fmt: skip
    foot = f"{report.head.title}　{report.head.scope_title}　生成于 {made_at(report.head)}"

    def numbered(canvas: Any, page: Any) -> None:
        canvas.setFont(_FONT, 8)
        canvas.setFillColor(colors.HexColor("#5b6675"))
        canvas.drawString(_LEFT, 9 * mm, foot)
        canvas.drawRightString(_LEFT + _WIDTH, 9 * mm, f"第 {page.page} 页")

    template.build(list(_flow(report)), onFirstPage=numbered, onLaterPages=numbered)
    return target.getvalue()


def _style(
    size: float, *, lead: float = 1.45, after: float = 0, right: bool = False, indent: float = 0
) -> ParagraphStyle:
    return ParagraphStyle(
        f"s{size}{right}{after}{indent}",
        leftIndent=indent,
        fontName=_FONT,
        fontSize=size,
        leading=size * lead,
        spaceAfter=after,
        textColor=_INK,
        wordWrap="CJK",
        alignment=TA_RIGHT if right else TA_LEFT,
    )


def _flow(report: Report) -> Iterator[Flowable]:
    head = report.head
    yield Paragraph(escape(head.title), _style(20, after=6))
    yield Paragraph(
        escape(f"{head.scope_title}；{head.counting}；受理 {head.cases:,} 件"), _style(11, after=4)
    )
    state = "期间已结束" if head.complete else "期间未结束，数字仍会变动"
    yield Paragraph(
        escape(f"生成于 {made_at(report.head)}，{head.generated_by}；{state}"), _style(9, after=10)
    )
    for table in report.tables:
        yield from _table(table)
    yield PageBreak()
    yield Paragraph("说明", _style(13, after=6))
    for name, said in (*report.notes, *report.omitted, *head.versions):
        yield Paragraph(f"<b>{escape(name)}</b>　{escape(said)}", _style(9, after=3))


def _table(table: Table) -> Iterator[Flowable]:
    all_ = read(table)
    places = all_[:_MOST_COLUMNS]
    columns = tuple(table.columns[place] for place in places)
    yield Spacer(0, 5 * mm)
    yield Paragraph(escape(table.title), _style(13, after=3))
    left_out = len(all_) - len(places)
    note = table.note + (f"（另有 {left_out} 列见电子表格）" if left_out else "")
    if note:
        yield Paragraph(escape(note), _style(8, after=3))
    if not table.rows:
        yield Paragraph("本期没有数据。", _style(9))
        return
    size = 8.0 if len(columns) <= 10 else 6.8
    rows = [[_cell(column.title, column, size) for column in columns]]
    rows += [_cells(row, table, places, size) for row in table.rows]
    flowable = LongTable(rows, colWidths=_widths(columns), repeatRows=1)
    flowable.setStyle(_table_style(table.rows))
    yield flowable


def _cells(row: Row, table: Table, places: list[int], size: float) -> list[Paragraph]:
    found = []
    for place in places:
        column, value = table.columns[place], row.cells[place]
        indent = row.depth * size if column.title == "名称" else 0.0
        found.append(_cell(text(value, column, row), column, size, indent))
    return found


def _cell(said: str, column: Column, size: float, indent: float = 0) -> Paragraph:
    right = column.kind != "text"
    return Paragraph(escape(said), _style(size, lead=1.3, right=right, indent=indent))


def _widths(columns: tuple[Column, ...]) -> list[float]:
    """Texts take what numbers leave; codes little."""
    shares = [
        0.9 if column.title in (CODES, "性质") else 1.9 if column.kind == "text" else 1.0
        for column in columns
    ]
    return [_WIDTH * share / sum(shares) for share in shares]


def _table_style(rows: tuple[Row, ...]) -> TableStyle:
    commands: list[tuple[Any, ...]] = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, _INK),
        ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.2),
    ]
    for number, row in enumerate(rows, 1):
        if row.level != "plain":
            commands.append(("BACKGROUND", (0, number), (-1, number), _SHADE))
    return TableStyle(commands)
