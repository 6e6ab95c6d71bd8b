"""Tables along one axis, and of two axes against each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.boards.axes import ITSELF, Axis
from serving.boards.facts import NONE, Bools
from serving.boards.filter import CaseFilter
from serving.boards.trends import cross
from serving.reports.report import Cell, Column, Level, Row, Table
from serving.reports.scope import CORPORATE, PERSON, UNKNOWN, Scope

TOTAL = "合计"
_COMPARED = (
    Column("代码", "text"),
    Column("名称", "text"),
    Column("本期"),
    Column("占比", "share"),
    Column("上期"),
    Column("环比", "change"),
    Column("去年同期"),
    Column("同比", "change"),
)
_CUSTOMERS = (Column("自然人"), Column("对公"), Column("未登记"))


def ratio(part: float, whole: float) -> float | None:
    """A share; None of nothing."""
    return part / whole if whole else None


def change(now: int, before: int) -> float | None:
    """How much more than before, of what it was; None where it was nothing."""
    return (now - before) / before if before else None


def axis_table(scope: Scope, name: str, id_: str, title: str, note: str = "") -> Table:
    """All codes of an axis that occur, in a tree with subtotals, against both earlier periods."""
    axis = scope.view.axes[name]
    tally = _Tally(scope, name)
    columns = [*_COMPARED]
    if split := scope.definition.persons is not None:
        columns += _CUSTOMERS
    rows = [
        _compared(scope, axis, code, tally, split, depth, level)
        for code, depth, level in _outline(axis, tally.codes())
    ]
    rows.append(_total(scope, tally, split))
    return Table(id_, title, tuple(columns), tuple(rows), note, adds_up=2)


class _Tally:
    """Counts by code, under several masks at once."""

    def __init__(self, scope: Scope, name: str) -> None:
        facts = scope.facts
        masks = [scope.current, scope.before, scope.last_year]
        masks += [scope.current & scope.customers[who] for who in (PERSON, CORPORATE, UNKNOWN)]
        column = facts[name]
        size = len(column.codes) + 1
        counts = [np.bincount(column.values[mask] + 1, minlength=size) for mask in masks]
        self._by_code = dict(
            zip((NONE, *column.codes), np.stack(counts, axis=1).tolist(), strict=True)
        )

    def codes(self) -> list[str]:
        """Codes that occur in any of the periods."""
        return [code for code, counts in self._by_code.items() if any(counts[:3])]

    def of(self, codes: frozenset[str]) -> list[int]:
        """The counts of some codes, added."""
        found = [self._by_code[code] for code in codes if code in self._by_code]
        return [sum(column) for column in zip(*found, strict=True)] if found else [0] * 6

    def all(self) -> list[int]:
        """Everything."""
        return self.of(frozenset(self._by_code))


def _outline(axis: Axis, codes: Sequence[str]) -> list[tuple[str, int, Level]]:
    """Codes with their depth; in a tree also the nodes above, and `X!` for what went no deeper."""
    head = axis.head
    if head is None or not axis.tree:
        order = axis.order()
        ordered = sorted(codes, key=lambda c: (c == NONE, order.get(c, len(order)), c))
        return [(code, 0, "plain") for code in ordered]
    found: list[tuple[str, int, Level]] = []
    there = set(codes)
    needed = {step for code in codes if code in head.by_code for step in head.path(code)}
    for label in head.labels:
        if label.code not in needed:
            continue
        depth = len(head.path(label.code)) - 1
        parent = label.code in head.parents
        found.append((label.code, depth, "sub" if parent else "plain"))
        if parent and label.code in there:
            found.append((label.code + ITSELF, depth + 1, "plain"))
    strangers = sorted(code for code in there if code not in head.by_code and code != NONE)
    found += [(code, 0, "plain") for code in strangers]
    return found + [(NONE, 0, "plain")] * (NONE in there)


def _compared(
    scope: Scope, axis: Axis, code: str, tally: _Tally, split: bool, depth: int, level: Level
) -> Row:
    counts = tally.of(axis.under(code))
    whole = int(scope.current.sum())
    shown = "" if code == NONE else code.removesuffix(ITSELF)
    link = scope.filter.plus(**{axis.name: code}).query()
    cells = (shown, axis.label(code), *_figures(counts, whole, split))
    return Row(code, cells, level, depth, {2: link})


def _total(scope: Scope, tally: _Tally, split: bool) -> Row:
    counts = tally.all()
    cells = ("", TOTAL, *_figures(counts, counts[0], split))
    return Row("total", cells, "total", 0, {2: scope.filter.query()})


def _figures(counts: Sequence[int], whole: int, split: bool) -> tuple[Cell, ...]:
    now, before, year = counts[:3]
    figures: tuple[Cell, ...] = (
        now, ratio(now, whole), before, change(now, before), year, change(now, year),
    )  # fmt: skip
    return (*figures, *counts[3:]) if split else figures


def crosstab(
    scope: Scope,
    down: str,
    across: str,
    id_: str,
    title: str,
    *,
    levels: tuple[int, int] = (1, 1),
    most: int = 24,
) -> Table:
    """Two axes against each other; beyond `most` columns the smallest are one, 其余."""
    view = scope.view
    first, second = view.column(down, levels[0]), view.column(across, levels[1])
    counts = cross(first, second, scope.current)
    names = (NONE, *first.codes), (NONE, *second.codes)
    rows = view.ordered(down, [c for c, t in zip(names[0], counts, strict=True) if t.any()])
    there = [c for c, t in zip(names[1], counts.T, strict=True) if t.any()]
    sums = dict(zip(names[1], counts.sum(axis=0).tolist(), strict=True))
    kept = sorted(there, key=lambda c: -sums[c])[: most if len(there) <= most else most - 1]
    rest = [code for code in there if code not in kept]
    shown = view.ordered(across, kept)
    row_axis, column_axis = view.axes[down], view.axes[across]
    columns = [Column("代码", "text"), Column(row_axis.title, "text"), Column(TOTAL)]
    columns += [Column(column_axis.label(code)) for code in shown]
    columns += [Column("其余")] if rest else []
    groups = [[code] for code in shown] + ([rest] if rest else [])
    places = [[names[1].index(code) for code in group] for group in groups]
    table = [
        _crossed(scope, row_axis, code, across, groups, places, counts[names[0].index(code)])
        for code in rows
    ]
    totals = counts.sum(axis=0)
    cells: list[Cell] = ["", TOTAL, int(totals.sum()), *(int(totals[p].sum()) for p in places)]
    links = {3 + i: scope.filter.plus(**{across: group}).query() for i, group in enumerate(groups)}
    table.append(Row("total", tuple(cells), "total", 0, {2: scope.filter.query(), **links}))
    return Table(id_, title, tuple(columns), tuple(table), adds_up=2)


def _crossed(
    scope: Scope,
    axis: Axis,
    code: str,
    across: str,
    groups: Sequence[Sequence[str]],
    places: Sequence[Sequence[int]],
    counts: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> Row:
    of: CaseFilter = scope.filter.plus(**{axis.name: code})
    figures = [int(counts[list(place)].sum()) for place in places]
    links = {
        3 + i: of.plus(**{across: tuple(group)}).query()
        for i, group in enumerate(groups)
        if figures[i]
    }
    shown = "" if code == NONE else code.removesuffix(ITSELF)
    cells: tuple[Cell, ...] = (shown, axis.label(code), int(counts.sum()), *figures)
    return Row(code, cells, "plain", 0, {2: of.query(), **links})


def largest(scope: Scope, down: str, across: str, id_: str, title: str, most: int = 20) -> Table:
    """The pairs with most complaints, against the period before."""
    view = scope.view
    first = view.column(down, view.axes[down].leaf_level())
    second = view.column(across, view.axes[across].leaf_level())
    now = cross(first, second, scope.current)
    before = cross(first, second, scope.before)
    names = (NONE, *first.codes), (NONE, *second.codes)
    order = np.argsort(-now, axis=None, kind="stable")[:most]
    rows = []
    whole = int(scope.current.sum())
    for rank, place in enumerate(order, 1):
        i, j = divmod(int(place), now.shape[1])
        n, was = int(now[i, j]), int(before[i, j])
        if not n:
            break
        a, b = names[0][i], names[1][j]
        link = scope.filter.plus(**{down: a, across: b}).query()
        labels = (view.axes[down].label(a), view.axes[across].label(b))
        cells: tuple[Cell, ...] = (rank, *labels, n, ratio(n, whole), was, change(n, was))
        rows.append(Row(f"{a} {b}", cells, "plain", 0, {3: link}))
    columns = (
        Column("位次"), Column(view.axes[down].title, "text"),
        Column(view.axes[across].title, "text"), Column("本期"), Column("占比", "share"),
        Column("上期"), Column("环比", "change"),
    )  # fmt: skip
    return Table(id_, title, columns, tuple(rows), f"最多的 {most} 组，不求合计。")


def marked(
    scope: Scope, masks: dict[str, tuple[str, Bools]], id_: str, title: str, note: str
) -> Table:
    """Markers of which a complaint may have several, so that they do not add up."""
    whole = int(scope.current.sum())
    rows = []
    for code, (name, mask) in masks.items():
        n, was = int((mask & scope.current).sum()), int((mask & scope.before).sum())
        if n or was:
            cells: tuple[Cell, ...] = (code, name, n, ratio(n, whole), was, change(n, was))
            rows.append(Row(code, cells, "plain", 0, {2: scope.filter.flag(code).query()}))
    columns = (*_COMPARED[:6],)
    return Table(id_, title, columns, tuple(rows), note)
