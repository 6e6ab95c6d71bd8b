"""Complaints per hundred business outlets (每百网点投诉量)."""

from __future__ import annotations

from serving.reports.axis_tables import TOTAL
from serving.reports.report import Column, Row, Table
from serving.reports.scope import Scope


def outlets(scope: Scope) -> Table | None:
    """By branch, where the bank said how many outlets each has; None where it did not."""
    known = scope.definition.outlets
    if not known.branches:
        return None
    counts = scope.facts["branch"].counts(scope.current)
    axis = scope.view.axes["branch"]
    rows = [
        Row(
            branch,
            (axis.label(branch), n, counts.get(branch, 0), 100 * counts.get(branch, 0) / n),
            links={2: scope.filter.plus(branch=branch).query()},
        )
        for branch, n in known.branches.items()
    ]
    if known.total:
        whole = int(scope.current.sum())
        rows.append(Row("total", (TOTAL, known.total, whole, 100 * whole / known.total), "total"))
    columns = (
        Column("机构", "text"), Column("营业网点"), Column("受理"),
        Column("每百网点投诉量", "number"),
    )  # fmt: skip
    note = "只列给出网点数的机构；合计为全行，含未登记机构的投诉。"
    return Table("outlets", "每百网点投诉量", columns, tuple(rows), note)
