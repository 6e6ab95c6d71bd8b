"""The first table: the figures that a report is asked for, against both earlier periods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from serving.boards.facts import Bools
from serving.boards.filter import CaseFilter
from serving.boards.period import Period
from serving.reports.axis_tables import change, ratio
from serving.reports.report import Cell, Column, Kind, Row, Table
from serving.reports.scope import CORPORATE, PERSON, UNKNOWN, Scope


@dataclass(frozen=True)
class _Figure:
    key: str
    name: str
    kind: Kind
    work: Callable[[Bools], float | None]
    link: CaseFilter | None = None
    meaning: str = ""


def summary(scope: Scope, complete: tuple[bool, bool]) -> Table:
    """All figures; `complete` says whether there is anything of the two earlier periods."""
    masks = (scope.current, scope.before, scope.last_year)
    rows = [_row(figure, masks, complete) for figure in _figures(scope)]
    columns = (
        Column("指标", "text"), Column("本期", "number"), Column("上期", "number"),
        Column("环比", "change"), Column("去年同期", "number"), Column("同比", "change"),
        Column("口径", "text"),
    )  # fmt: skip
    return Table("summary", "总览", columns, tuple(rows), "比率类指标的环比、同比为百分点之差。")


def _row(figure: _Figure, masks: tuple[Bools, ...], complete: tuple[bool, bool]) -> Row:
    now, *earlier = (figure.work(mask) for mask in masks)
    cells: list[Cell] = [figure.name, _whole(now, figure.kind)]
    for value, known in zip(earlier, complete, strict=True):
        was = _whole(value, figure.kind) if known else None
        cells += [was, _against(now, was, figure.kind)]
    links = {1: figure.link.query()} if figure.link is not None else {}
    return Row(figure.key, (*cells, figure.meaning), links=links, kind=figure.kind)


def _whole(value: float | None, kind: Kind) -> Cell:
    return int(value) if value is not None and kind == "count" else value


def _against(now: float | None, was: Cell, kind: Kind) -> float | None:
    if now is None or was is None or isinstance(was, str):
        return None
    return now - was if kind == "share" else change(int(now), int(was)) if kind == "count" else None


def _figures(scope: Scope) -> Iterator[_Figure]:
    view, of, definition = scope.view, scope.filter, scope.definition
    yield _Figure("counted", _counted(scope), "count", _size, of, "按收到时间归入统计期间。")
    if scope.merged:
        yield _received(scope)
    if definition.persons is not None:
        for who, name in (
            (PERSON, "其中：自然人"),
            (CORPORATE, "其中：法人及其他组织"),
            (UNKNOWN, "其中：客户类型未登记"),
        ):  # fmt: skip
            mask = scope.customers[who]
            why = "金融消费者（令2020-5第二条）" if who == PERSON else ""
            yield _Figure(who, name, "count", lambda m, mask=mask: _size(m & mask), meaning=why)  # type: ignore[misc]
    if definition.regulators:
        link = of.plus(source=definition.regulators)
        yield _Figure("referred", "监管转办", "count", lambda m: _size(m & scope.regulator), link)
    if definition.repeated:
        link = of.flag(*definition.repeated)
        said = "投诉内容称此前已反映过，按规则识别。"
        yield _Figure(
            "repeated", "重复投诉", "count", lambda m: _size(m & scope.repeated), link, said
        )
    closed = of.plus(status="resolved")
    yield _Figure("resolved", "已办结", "count", lambda m: _size(m & scope.resolved), closed)
    yield _Figure(
        "resolved_rate", "办结率", "share", lambda m: _closed_rate(scope, m),
        meaning="办结÷（受理－撤回）",
    )  # fmt: skip
    first = definition.days[0]
    yield _Figure(
        "in_time", f"{first}日办结率", "share", lambda m: _within(scope, m),
        meaning=f"{first}日内办结÷（办结＋已逾{first}日未办结）",
    )  # fmt: skip
    for key, name, codes in (
        ("contact", "首次联系按时率", definition.contact),
        ("decision", "作出决定并告知按时率", definition.decision),
    ):
        if codes and set(codes) & set(view.clock_codes()):
            yield _Figure(
                key, name, "share", lambda m, codes=codes: _kept(scope, m, codes),  # type: ignore[misc]
                meaning="按时完成÷（已完成＋已逾期）",
            )  # fmt: skip
    yield _Figure("days", "处理天数（中位）", "number", lambda m: _median(scope, m))
    yield _Figure(
        "content", "满意度", "share",
        lambda m: ratio(_size(m & scope.satisfied), _size(m & scope.asked)),
        meaning="满意及以上÷已评价",
    )  # fmt: skip
    yield _Figure(
        "bounced", "转办退回率", "share",
        lambda m: ratio(_size(m & (scope.facts.bounces > 0)), _size(m)),
        meaning="至少被部门退回一次÷受理",
    )  # fmt: skip
    yield _Figure(
        "automatic", "自动分派占比", "share",
        lambda m: ratio(_size(m & scope.facts.automatic), _size(m)),
        meaning="未经人工复核直接分派÷受理",
    )  # fmt: skip
    if definition.outlets.total:
        outlets = definition.outlets.total
        yield _Figure(
            "per_outlets", "每百网点投诉量", "number", lambda m: 100 * _size(m) / outlets,
            meaning=f"按 {outlets} 个营业网点计",
        )  # fmt: skip


def _counted(scope: Scope) -> str:
    return "受理（合并重复后）" if scope.merged else "受理"


def _received(scope: Scope) -> _Figure:
    periods: dict[int, Period] = {
        id(scope.current): scope.period,
        id(scope.before): scope.period.before(),
        id(scope.last_year): scope.period.last_year(),
    }

    def count(mask: Bools) -> float:
        period = periods[id(mask)]
        return _size(scope.base & scope.view.between(period.first, period.end))

    return _Figure(
        "received", "收到（合并前）", "count", count, scope.received_filter,
        "含在期限内再次提出、已并入原投诉的（令2020-3第十八条）",
    )  # fmt: skip


def _size(mask: Bools) -> int:
    return int(mask.sum())


def _closed_rate(scope: Scope, mask: Bools) -> float | None:
    withdrawn = scope.facts["status"].isin(frozenset({"withdrawn"}))
    return ratio(_size(mask & scope.resolved), _size(mask & ~withdrawn))


def _within(scope: Scope, mask: Bools) -> float | None:
    first = scope.definition.days[0]
    withdrawn = scope.facts["status"].isin(frozenset({"withdrawn"}))
    late = mask & ~scope.resolved & ~withdrawn & (scope.age > first)
    closed = mask & scope.resolved
    return ratio(_size(closed & (scope.closed_within <= first)), _size(closed) + _size(late))


def _kept(scope: Scope, mask: Bools, codes: list[str]) -> float | None:
    clocks = scope.facts.clocks
    mine = clocks.clock.isin(frozenset(codes)) & mask[clocks.row]
    is_open = clocks.open()
    in_time = int((mine & ~is_open & ~clocks.late).sum())
    overdue = int((mine & clocks.overdue(scope.view.seconds)).sum())
    return ratio(in_time, int((mine & ~is_open).sum()) + overdue)


def _median(scope: Scope, mask: Bools) -> float | None:
    taken = scope.closed_within[mask & scope.resolved]
    return float(np.median(taken)) if len(taken) else None
