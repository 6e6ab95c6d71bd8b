"""A report over made-up cases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data.taxonomy.load import load
from serving.boards.period import parse
from serving.boards.view import View
from serving.reports.build import Author, build
from serving.reports.definition import definition_for
from serving.reports.report import Report

AUTHOR = Author("tests", (("规则包版本", "p"),))
PERIOD = "2026Q3"


def made(view: View, period: str = PERIOD, **given: Any) -> Report:
    definition = given.pop("definition", None) or definition_for(load())
    return build(view, parse(period), definition, AUTHOR, **given)


def column(report: Report, table: str, title: str) -> list[Any]:
    found = report.table(table)
    place = next(i for i, column in enumerate(found.columns) if column.title == title)
    return [row.cells[place] for row in found.rows]


def texts(rows: Iterable[Any]) -> str:
    return "\n".join(str(row) for row in rows)
