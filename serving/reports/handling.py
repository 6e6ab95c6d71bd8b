"""Tables about how complaints were handled: limits, clocks, satisfaction, referrals, causes."""

from __future__ import annotations

import numpy as np

from serving.boards.deadlines import STATES, states_of
from serving.boards.epoch import day_number
from serving.boards.facts import NONE, Bools
from serving.boards.period import Period
from serving.reports.axis_tables import TOTAL, change, ratio
from serving.reports.report import Cell, Column, Row, Table
from serving.reports.scope import Scope


def limits(scope: Scope, axis: str, id_: str, title: str) -> Table:
    """Days to closing against the limits, by an axis. A complaint still open within its first
    limit is not counted into the rate.
    """
    days = scope.definition.days
    taken, resolved = scope.closed_within, scope.resolved
    bounds = list(zip([0, *days], days, strict=False))
    bands = [resolved & (taken <= day) & ((taken > low) | (low == 0)) for low, day in bounds]
    over = resolved & (taken > days[-1])
    withdrawn = scope.facts["status"].isin(frozenset({"withdrawn"}))
    still = ~resolved & ~withdrawn
    late = still & (scope.age > days[0])
    masks = [scope.current, *bands, over, withdrawn, still, late]
    columns = (
        Column("代码", "text"), Column(scope.view.axes[axis].title, "text"), Column("受理"),
        *(Column(f"{low + 1 if low else 0}–{day}日办结") for low, day in bounds),
        Column(f"{days[-1]}日后办结"), Column("撤回"), Column("未办结"),
        Column(f"其中已逾{days[0]}日"), Column("办结率", "share"),
        Column(f"{days[0]}日办结率", "share"), Column("处理天数（中位）", "number"),
    )  # fmt: skip
    column = scope.facts[axis]
    size = len(column.codes) + 1
    table = np.stack(
        [np.bincount(column.values[m & scope.current] + 1, minlength=size) for m in masks], axis=1
    )
    names = (NONE, *column.codes)
    found = [code for code, counts in zip(names, table, strict=True) if counts[0]]
    rows = []
    for code in scope.view.ordered(axis, found):
        place = names.index(code)
        mine = scope.current & (column.values == place - 1)
        cells = _limit_cells(scope, table[place].tolist(), mine)
        shown = "" if code == NONE else code
        link = scope.filter.plus(**{axis: code}).query()
        rows.append(Row(code, (shown, scope.view.axes[axis].label(code), *cells), links={2: link}))
    cells = _limit_cells(scope, table.sum(axis=0).tolist(), scope.current)
    rows.append(Row("total", ("", TOTAL, *cells), "total", 0, {2: scope.filter.query()}))
    note = (
        "天数为自然日，收到当日不计入；以办结事件的时间为准。办结率＝办结÷（受理－撤回）；"
        f"{days[0]}日办结率＝{days[0]}日内办结÷（办结＋已逾{days[0]}日未办结）。"
    )
    return Table(id_, title, columns, tuple(rows), note, adds_up=2)


def _limit_cells(scope: Scope, counts: list[int], mine: Bools) -> list[Cell]:
    received, *closed, withdrawn, still, late = counts
    resolved = sum(closed)
    taken = scope.closed_within[mine & scope.resolved]
    median = float(np.median(taken)) if len(taken) else None
    within = ratio(closed[0], resolved + late)
    rate = ratio(resolved, received - withdrawn)
    return [received, *closed, withdrawn, still, late, rate, within, median]


def clocks(scope: Scope, id_: str, title: str) -> Table:
    """Every clock of the policy: met in time, late, running, past due."""
    facts, view = scope.facts, scope.view
    mine = facts.clocks.take(scope.current[facts.clocks.row])
    states = states_of(mine, view.seconds)
    rows = []
    for code in view.clock_codes():
        which = mine.clock.isin(frozenset({code}))
        counts = [int((which & states[state]).sum()) for state in STATES]
        if not sum(counts):
            continue
        in_time, _, running, _ = counts
        known = view.axes.clocks.get(code)
        kind = "法定" if known and known.statutory else "内部"
        links = {3 + i: scope.filter.clock(code, state).query() for i, state in enumerate(STATES)}
        cells: tuple[Cell, ...] = (
            view.axes.clock(code), kind, sum(counts), *counts,
            ratio(in_time, sum(counts) - running), known.basis if known else "",
        )  # fmt: skip
        links[2] = scope.filter.clock(code, "any").query()
        rows.append(Row(code, cells, links=links))
    columns = (
        Column("时限", "text"), Column("性质", "text"), Column("适用"), Column("按时完成"),
        Column("逾期完成"), Column("进行中"), Column("已逾期未完成"), Column("按时率", "share"),
        Column("依据", "text"),
    )  # fmt: skip
    note = "按时率＝按时完成÷（适用－进行中）。一件投诉可有多个时限，不求合计。"
    return Table(id_, title, columns, tuple(rows), note)


def satisfaction(scope: Scope, axis: str, id_: str, title: str) -> Table:
    """Opinions by department; the rate is of those that gave one."""
    opinions = scope.facts["satisfaction"]
    named = list(scope.definition.opinions)
    there = [code for code in opinions.codes if code not in named]
    codes = [*named, *sorted(there)]
    column = scope.facts[axis]
    masks = [opinions.isin(frozenset({code})) & scope.current for code in codes]
    silent = ~scope.asked & scope.current
    size = len(column.codes) + 1
    table = np.stack(
        [np.bincount(column.values[mask] + 1, minlength=size) for mask in [*masks, silent]], axis=1
    )
    names = (NONE, *column.codes)
    found = [code for code, counts in zip(names, table, strict=True) if counts.any()]
    rows = []
    for code in scope.view.ordered(axis, found):
        label = scope.view.axes[axis].label(code)
        rows.append(Row(code, (label, *_opinions(scope, table[names.index(code)].tolist(), codes))))
    rows.append(
        Row("total", (TOTAL, *_opinions(scope, table.sum(axis=0).tolist(), codes)), "total")
    )
    columns = (
        Column(scope.view.axes[axis].title, "text"), Column("受理"),
        *(Column(scope.definition.opinions.get(code, code)) for code in codes),
        Column("未评价"), Column("满意度", "share"), Column("参评率", "share"),
    )  # fmt: skip
    note = "满意度＝满意及以上÷已评价；未评价的不计入。"
    return Table(id_, title, columns, tuple(rows), note, adds_up=1)


def _opinions(scope: Scope, counts: list[int], codes: list[str]) -> list[Cell]:
    *given, silent = counts
    content = sum(
        n for code, n in zip(codes, given, strict=True) if code in scope.definition.satisfied
    )
    asked = sum(given)
    return [asked + silent, *given, silent, ratio(content, asked), ratio(asked, asked + silent)]


def referrals(scope: Scope, id_: str, title: str) -> Table:
    """Complaints that a regulator referred, by which one."""
    axis = scope.view.axes["source"]
    rows = []
    for code in scope.definition.regulators:
        mask = scope.facts["source"].isin(frozenset({code}))
        link = scope.filter.plus(source=code).query()
        cells = _referral(scope, mask)
        rows.append(Row(code, (code, axis.label(code), *cells), links={2: link}))
    link = scope.filter.plus(source=scope.definition.regulators).query()
    total = ("", TOTAL, *_referral(scope, scope.regulator))
    rows.append(Row("total", total, "total", 0, {2: link}))
    columns = (
        Column("代码", "text"), Column("转办机构", "text"), Column("本期"), Column("占比", "share"),
        Column("上期"), Column("环比", "change"), Column("已办结"), Column("法定时限已逾期"),
    )  # fmt: skip
    return Table(id_, title, columns, tuple(rows), "占比为占全部受理的比例。")


def _referral(scope: Scope, mask: Bools) -> list[Cell]:
    now, was = mask & scope.current, int((mask & scope.before).sum())
    n = int(now.sum())
    clocks = scope.facts.clocks
    late = clocks.statutory & (clocks.overdue(scope.view.seconds) | clocks.late)
    overdue = np.unique(clocks.row[late & now[clocks.row]])
    whole = int(scope.current.sum())
    return [
        n,
        ratio(n, whole),
        was,
        change(n, was),
        int((now & scope.resolved).sum()),
        len(overdue),
    ]


def causes(scope: Scope, id_: str, title: str) -> Table:
    """Root causes that departments gave when they closed, with what they mostly concern."""
    column, view = scope.facts["cause"], scope.view
    closed = scope.current & scope.resolved
    counts = column.counts(closed)
    rows = []
    for code, n in sorted(counts.items(), key=lambda item: (item[0] == NONE, -item[1])):
        mine = closed & column.isin(frozenset({code}))
        was = int((scope.before & scope.resolved & column.isin(frozenset({code}))).sum())
        name = scope.definition.causes.get(code, "未填写" if code == NONE else code)
        cells: tuple[Cell, ...] = (
            name, n, ratio(n, int(closed.sum())), was, change(n, was),
            _mostly(scope, "product", mine), _mostly(scope, "lead", mine),
        )  # fmt: skip
        link = scope.filter.plus(status="resolved", cause=code).query()
        rows.append(Row(code, cells, links={1: link}))
    total: tuple[Cell, ...] = (TOTAL, int(closed.sum()), ratio(1, 1), None, None, "", "")
    rows.append(Row("total", total, "total"))
    product = view.axes["product"].title if "product" in view.axes else "业务"
    columns = (
        Column("根因", "text"), Column("办结"), Column("占比", "share"), Column("上期"),
        Column("环比", "change"), Column(f"主要{product}", "text"), Column("主要部门", "text"),
    )  # fmt: skip
    return Table(id_, title, columns, tuple(rows), "根因由处理部门在办结时填写；合计为办结数。")


def _mostly(scope: Scope, name: str, mine: Bools) -> str:
    """The three most frequent codes with their counts."""
    if name not in scope.view.axes:
        return ""
    axis = scope.view.axes[name]
    found = sorted(scope.view.column(name).counts(mine).items(), key=lambda item: -item[1])[:3]
    return "、".join(f"{axis.label(code)} {n}" for code, n in found)


def months(scope: Scope, shown: list[Period], id_: str, title: str) -> Table:
    """What was counted, closed and referred, month by month."""
    rows = []
    closed_days = scope.view.days(scope.facts.resolved)
    for month in shown:
        mine = scope.month(month)
        first, end = day_number(month.first), day_number(month.end)
        closed = scope.base & scope.resolved & (closed_days >= first) & (closed_days < end)
        n = int(mine.sum())
        automatic = int((mine & scope.facts.automatic).sum())
        cells: tuple[Cell, ...] = (
            month.title, n, int(closed.sum()), int((mine & scope.regulator).sum()),
            int((mine & scope.repeated).sum()), ratio(automatic, n),
        )  # fmt: skip
        first_day = max(month.first, scope.period.first)
        days = scope.view.span(first_day, min(month.end, scope.period.end))
        rows.append(Row(month.name, cells, links={1: scope.filter.plus(received=days).query()}))
    columns = (
        Column("月份", "text"), Column("受理"), Column("当月办结"), Column("监管转办"),
        Column("重复投诉"), Column("自动分派占比", "share"),
    )  # fmt: skip
    note = "当月办结按办结时间计，含以前受理的投诉。"
    return Table(id_, title, columns, tuple(rows), note, adds_up=1)
