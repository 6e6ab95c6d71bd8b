"""Make a report out of facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from serving.boards.epoch import day_number
from serving.boards.period import Period
from serving.boards.view import View
from serving.reports import handling
from serving.reports.axis_tables import axis_table, crosstab, largest, marked
from serving.reports.definition import Definition
from serving.reports.outlets import outlets
from serving.reports.report import Column, Head, Report, Row, Table
from serving.reports.scope import Scope
from serving.reports.summary import summary

# Each axis with the title of its table; in the order of the report.
_AXES: Final = (
    ("product", "业务类别统计"),
    ("reason", "投诉原因统计"),
    ("channel", "业务办理渠道统计"),
    ("source", "投诉来源统计"),
    ("segment", "客户类型统计"),
    ("urgency", "紧急程度统计"),
    ("lead", "主办部门统计"),
    ("branch", "机构统计"),
)
_CROSSED: Final = (
    ("product", "reason", "业务类别 × 投诉原因"),
    ("product", "branch", "业务类别 × 机构"),
    ("reason", "branch", "投诉原因 × 机构"),
    ("channel", "branch", "业务办理渠道 × 机构"),
    ("product", "channel", "业务类别 × 业务办理渠道"),
)
_MISSING: Final = {"product": "业务类别", "reason": "投诉原因", "urgency": "紧急程度"}


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks, and what the figures were made with: names and versions."""

    name: str
    versions: tuple[tuple[str, str], ...] = ()


def build(
    view: View, period: Period, definition: Definition, author: Author, *, merged: bool = True
) -> Report:
    """All tables of a period, of what the view is narrowed to, as of the view's moment."""
    scope = Scope(view, period, definition, merged)
    omitted = tuple(_omitted(scope))
    unknown = _unknown(scope)
    tables = [_without(table, unknown) for table in _tables(scope)]
    head = _head(scope, author)
    report = Report(head, tuple(tables), omitted, tuple(_notes(scope)))
    tables.append(_reconciliation(report))
    return Report(head, tuple(tables), omitted, report.notes)


def _head(scope: Scope, author: Author) -> Head:
    view, period = scope.view, scope.period
    cases = int(scope.current.sum())
    received = int(scope.received.sum())
    return Head(
        title=f"消费投诉统计报表 {period.title}",
        period=period.name,
        period_title=period.title,
        first=period.starts(view.zone).isoformat(),
        end=period.ends(view.zone).isoformat(),
        zone=view.zone.key,
        scope=view.base.query(),
        scope_title=scope_title(view),
        counting="合并重复后" if scope.merged else "按收到件数",
        cases=cases,
        received=received,
        merged=received - cases if scope.merged else 0,
        complete=period.end <= view.today,
        generated_at=view.now.astimezone(view.zone).isoformat(timespec="seconds"),
        generated_by=author.name,
        versions=author.versions,
    )


def scope_title(view: View) -> str:
    """What the report is narrowed to, in words."""
    parts = [
        f"{view.axes[name].title}：{'、'.join(view.axes[name].label(code) for code in codes)}"
        for name, codes in view.base.codes.items()
        if name in view.axes
    ]
    return "；".join(parts) or "全部投诉"


def _tables(scope: Scope) -> Iterator[Table]:
    axes, definition = scope.view.axes, scope.definition
    yield summary(scope, _known(scope))
    yield handling.months(scope, scope.period.months(), "months", "逐月趋势")
    for name, title in _AXES:
        if name in axes:
            yield axis_table(scope, name, name, title)
    if table := outlets(scope):
        yield table
    for down, across, title in _CROSSED:
        if down in axes and across in axes:
            yield crosstab(scope, down, across, f"{down}_{across}", title)
    if "product" in axes and "reason" in axes:
        yield largest(scope, "product", "reason", "largest", "投诉最集中的问题")
    yield handling.limits(scope, "lead", "limits_lead", "办理时限（按主办部门）")
    yield handling.limits(scope, "branch", "limits_branch", "办理时限（按机构）")
    if scope.view.clock_codes():
        yield handling.clocks(scope, "clocks", "各项时限执行情况")
    yield handling.satisfaction(scope, "lead", "satisfaction", "客户满意度")
    if definition.regulators:
        yield handling.referrals(scope, "referrals", "监管转办")
    if axes.flags:
        masks = {code: (name, scope.facts.flag(code)) for code, name in axes.flags.items()}
        yield marked(scope, masks, "flags", "敏感标识", "一件投诉可有多个标识，不求合计。")
    yield handling.causes(scope, "causes", "溯源整改：根因")


def _omitted(scope: Scope) -> Iterator[tuple[str, str]]:
    for name, title in _MISSING.items():
        if name not in scope.view.axes:
            yield title, f"分类体系没有承担“{title}”的标签轴，相关表格从略。"
    definition = scope.definition
    if definition.persons is None:
        yield "自然人与对公", "报表口径（SUDA_REPORTS）未说明哪些客户类型为对公客户，未作区分。"
    if not definition.regulators:
        yield "监管转办", "报表口径未列出监管转办的投诉来源，相关表格从略。"
    if not definition.repeated:
        yield "重复投诉", "报表口径未列出表示重复投诉的标识，未作统计。"
    if not definition.outlets.total and not definition.outlets.branches:
        yield "每百网点投诉量", "报表口径未给出营业网点数，未作统计。"
    before, year = _known(scope)
    if not before:
        yield "环比", "上期没有数据。"
    if not year:
        yield "同比", "去年同期没有数据。"


def _unknown(scope: Scope) -> frozenset[str]:
    """Columns of which nothing is known: no records are not the same as no complaints."""
    columns = (("上期", "环比"), ("去年同期", "同比"))
    return frozenset(
        title
        for titles, known in zip(columns, _known(scope), strict=True)
        if not known
        for title in titles
    )


def _without(table: Table, titles: frozenset[str]) -> Table:
    empty = {place for place, column in enumerate(table.columns) if column.title in titles}
    rows = (
        replace(row, cells=tuple(None if i in empty else c for i, c in enumerate(row.cells)))
        for row in table.rows
    )
    return replace(table, rows=tuple(rows)) if empty else table


def _known(scope: Scope) -> tuple[bool, bool]:
    """Whether records reach back to the beginning of the two earlier periods."""
    facts = scope.facts
    oldest = int(scope.view.days().min()) if len(facts) else day_number(scope.period.end)
    return (
        oldest < day_number(scope.period.before().end) and bool(scope.before.any()),
        oldest < day_number(scope.period.last_year().end) and bool(scope.last_year.any()),
    )


def _notes(scope: Scope) -> Iterator[tuple[str, str]]:
    period, zone = scope.period, scope.view.zone
    first, end = period.starts(zone), period.ends(zone)
    clock = "北京时间" if zone.key == "Asia/Shanghai" else zone.key
    days = f"{first:%Y-%m-%d %H:%M} 起，至 {end:%Y-%m-%d %H:%M} 前（{clock}）"
    yield "统计期间", f"{days}，以收到投诉的时间计。"
    yield "统计范围", scope_title(scope.view)
    counted = "并入其他投诉的重复件只计一次" if scope.merged else "每收到一件计一件，不合并重复"
    joined = "合并以撤回事件注明的原投诉编号为准，同一来源同一编号的重复提交从不重复计数"
    yield "计数方式", f"{counted}；{joined}。"
    decided = "以复核后的结果为准，未复核的以模型与规则的决定为准"
    yield "分类", f"{decided}。未登记的单列一行，各轴合计均等于受理总数。"
    yield "未细分", "模型或复核人员只确定到上级类别的，列在“（未细分）”一行。"
    yield "比较", "环比与上一个同样长度的期间比，同比与去年同一期间比；上期为零的不列。"
    yield "更正", "已定稿期间的数字以定稿时为准，其后的变化另列更正。"
    yield "小数目", "表内数目未作隐藏处理，对外披露前请按本行规定合并过小的单元格。"


def _reconciliation(report: Report) -> Table:
    rows = [
        Row(check.table, (check.title, check.total, check.cases, check.total - check.cases))
        for check in report.checks
    ]
    columns = (Column("表", "text"), Column("合计"), Column("受理"), Column("差"))
    note = f"{report.head.counting}，各表合计与受理件数逐一核对；差应为零。"
    return Table("reconciliation", "核对", columns, tuple(rows), note)
