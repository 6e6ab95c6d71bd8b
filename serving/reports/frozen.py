"""Closed periods: a report is frozen (定稿), and what changed later is shown as 更正 beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from sqlalchemy.orm import Session

from data.errors import ConflictError, InputError
from serving.reports.report import Cell, Column, Report, Row, Table, canonical, digest, of_json
from serving.store import audit
from serving.store import reports as store
from serving.store.reports import Snapshot

# Told at any time; they do not make a report another one.
_MADE_NOW = {"generated_at": "", "generated_by": ""}


@dataclass(frozen=True, slots=True)
class Correction:
    """One figure that is no longer what was frozen."""

    table: str
    row: str
    column: str
    was: Cell
    now: Cell
    # How it is written.
    shown_as: Column
    shown_in: Row


def freeze(
    session: Session, report: Report, who: str, now: datetime, note: str | None = None
) -> Snapshot:
    """Store the report as what is told from now on, and record it in the audit trail.

    Raises InputError for a period that has not ended or does not add up, ConflictError where the
    same figures are frozen already.
    """
    if not report.head.complete:
        raise InputError("expected a period that has ended", field="period")
    if not report.reconciled:
        raise InputError("its tables do not add up to the complaints behind them", field="period")
    scope = scope_of(report)
    standing = store.of(session, report.head.period, scope)
    if standing and not corrections(thawed(standing[-1]), report):
        raise ConflictError("is frozen already, with the same figures", field="period")
    body, period = canonical(report).decode(), report.head.period
    snapshot = store.keep(session, period, scope, body, digest(report), who, now, note)
    details = {"period": snapshot.period, "scope": scope, "number": snapshot.number}
    details |= {"cases": report.head.cases, "sha256": snapshot.sha256}
    audit.record(session, who, "report.frozen", f"report:{snapshot.id}", details, now=now)
    return snapshot


def scope_of(report: Report) -> str:
    """What distinguishes two reports of a period: what they are narrowed to, how they count."""
    scope = f"{report.head.counting}|{report.head.scope}"
    if len(scope) <= 64:
        return scope
    return hashlib.sha256(scope.encode()).hexdigest()


def thawed(snapshot: Snapshot) -> Report:
    """The report as it was frozen. Raises ConflictError where it is no longer what was hashed."""
    if hashlib.sha256(snapshot.body.encode()).hexdigest() != snapshot.sha256:
        raise ConflictError("was changed after it was frozen", field=f"report {snapshot.id}")
    document = orjson.loads(snapshot.body)
    document["head"] |= _MADE_NOW
    report = of_json(document)
    at = snapshot.frozen_at.isoformat(timespec="seconds")
    return replace(
        report, head=replace(report.head, generated_at=at, generated_by=snapshot.frozen_by)
    )


def corrections(frozen: Report, now: Report) -> list[Correction]:
    """Every figure that differs; of rows that are on one side only, the counts."""
    return list(_corrections(frozen, now))


def _corrections(frozen: Report, now: Report) -> Iterator[Correction]:
    current = {table.id: table for table in now.tables}
    for table in frozen.tables:
        if table.id in current:
            yield from _between(table, current[table.id])


def _between(frozen: Table, now: Table) -> Iterator[Correction]:
    before = {row.key: row for row in frozen.rows}
    after = {row.key: row for row in now.rows}
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        was, is_now = _by_title(frozen, old), _by_title(now, new)
        shown = old or new
        if shown is None:
            continue
        for column in _columns(frozen, now):
            a, b = was.get(column.title), is_now.get(column.title)
            # A row that is missing on one side counts nothing there.
            if column.kind == "count":
                a, b = a or 0, b or 0
            elif old is None or new is None:
                continue
            if not _same(a, b):
                named = " ".join(str(cell) for cell in shown.cells[:2] if isinstance(cell, str))
                yield Correction(frozen.title, named.strip(), column.title, a, b, column, shown)


def _columns(frozen: Table, now: Table) -> list[Column]:
    both = {column.title: column for column in (*frozen.columns, *now.columns)}
    return [column for column in both.values() if column.kind != "text"]


def _by_title(table: Table, row: Row | None) -> dict[str, Cell]:
    if row is None:
        return {}
    return {column.title: cell for column, cell in zip(table.columns, row.cells, strict=True)}


def _same(a: Cell, b: Cell) -> bool:
    if isinstance(a, float) or isinstance(b, float):
        return a is not None and b is not None and abs(float(a) - float(b)) < 1e-12
    return a == b


def with_corrections(frozen: Report, found: list[Correction]) -> Report:
    """The frozen report with a table of what changed since, where anything did."""
    if not found:
        return frozen
    rows = [
        Row(
            f"{number}",
            (item.table, item.row, item.column, item.was, item.now),
            kind=item.shown_as.kind if item.shown_as.kind != "number" else item.shown_in.kind,
        )
        for number, item in enumerate(found)
    ]
    columns = (
        Column("表", "text"), Column("行", "text"), Column("列", "text"),
        Column("定稿时", "number"), Column("现在", "number"),
    )  # fmt: skip
    note = f"定稿以后因复核更正、补录等变动的 {len(found)} 个数字；以定稿为准。"
    table = Table("corrections", "更正", columns, tuple(rows), note)
    return replace(frozen, tables=(*frozen.tables, table))
