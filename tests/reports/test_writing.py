"""Cells as people read them, and which columns they are shown."""

from __future__ import annotations

import pytest

from serving.reports.report import Cell, Column, Kind, Row, Table
from serving.reports.writing import read, text


@pytest.mark.parametrize(
    ("cell", "kind", "row_kind", "said"),
    [
        (12345, "count", None, "12,345"),
        (None, "count", None, "—"),
        (0.8754, "share", None, "87.5%"),
        (0.1234, "change", "count", "+12.3%"),
        (-0.1234, "change", "count", "-12.3%"),
        (-0.0001, "change", "count", "0.0%"),
        (0.031, "change", "share", "+3.1 个百分点"),
        (0.0, "change", "share", "0.0 个百分点"),
    ],
)
def test_cells_are_written(cell: Cell, kind: Kind, row_kind: Kind | None, said: str) -> None:
    assert text(cell, Column("环比", kind), Row("r", (cell,), kind=row_kind)) == said


def codes(*pairs: tuple[str, str]) -> Table:
    rows = tuple(Row(code, (code, name, 1)) for code, name in pairs)
    return Table("t", "表", (Column("代码", "text"), Column("名称", "text"), Column("本期")), rows)


def test_only_codes_that_somebody_publishes_are_for_people() -> None:
    assert read(codes(("B0201", "个人住房贷款"), ("", "合计"))) == [0, 1, 2]
    assert read(codes(("retail_credit", "零售信贷部"), ("", "合计"))) == [1, 2]
    assert read(codes(("城东支行", "城东支行"), ("", "未登记"))) == [1, 2]
    plain = Table("t", "表", (Column("月份", "text"),), (Row("r", ("2026年1月",)),))
    assert read(plain) == [0]
