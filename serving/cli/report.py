"""`suda report make|freeze|list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
from rich.table import Table as Shown
from sqlalchemy.orm import Session, sessionmaker

from data.errors import InputError
from serving.boards.axes import axes_of
from serving.boards.filter import parse
from serving.boards.judged import read_judged
from serving.boards.live import still
from serving.boards.period import parse as parse_period
from serving.boards.reading import read
from serving.boards.view import View
from serving.cli.console import err, out
from serving.cli.store import actor, now, store
from serving.pipeline import Pipeline
from serving.reports import frozen as freezing
from serving.reports.build import build
from serving.reports.definition import definition_for
from serving.reports.desk import FORMATS, asked, author_of
from serving.reports.report import Report, to_json
from serving.reports.writing import text
from serving.settings import Settings
from serving.store import audit
from serving.store import reports as snapshots

app = typer.Typer(no_args_is_help=True, help="Statistics of a period: make, freeze, list.")

Counting = Literal["merged", "received"]
_Period = Annotated[str, typer.Argument(help="2026, 2026Q3, 2026-07 or 2026-07-01..2026-07-15.")]
_Count = Annotated[Counting, typer.Option(help="Duplicates once, or each.")]
_Narrowed = Annotated[
    list[str] | None,
    typer.Option("--where", help="A filter, NAME=VALUE as in the pages' addresses; repeatable."),
]


@app.command()
def make(
    period: _Period,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File .xlsx, .zip (CSV), .pdf or .json."),
    ] = None,
    counting: _Count = "merged",
    where: _Narrowed = None,
    table: Annotated[str, typer.Option(help="Table to print without --output.")] = "summary",
    current: Annotated[
        bool, typer.Option("--current", help="Count anew even if the period was frozen.")
    ] = False,
) -> None:
    """Make a report; exit status 1 where its tables do not add up to the complaints behind them."""
    with store() as (_, sessions):
        found = asked(sessions, _made(sessions, period, counting, where))
        report = found.current if current else found.report
        if output is not None:
            output.write_bytes(_file(report, output))
            details = {"file": output.suffix, "cases": report.head.cases}
            with sessions.begin() as session:
                subject = f"report:{report.head.period}"
                audit.record(session, actor(), "report.downloaded", subject, details, now=now())
            err.print(f"{report.head.title}: {report.head.cases} cases in {output}", soft_wrap=True)
        else:
            _print(report, table)
    if not report.reconciled:
        for check in report.checks:
            if not check.holds:
                err.print(f"[red]✗[/] {check.title}: {check.total} instead of {check.cases}")
        raise typer.Exit(1)


@app.command()
def freeze(
    period: _Period,
    counting: _Count = "merged",
    where: _Narrowed = None,
    note: Annotated[str | None, typer.Option(help="Why, or whom it was told.")] = None,
) -> None:
    """Freeze (定稿) the report of a period that has ended: what is told for it no longer moves."""
    with store() as (_, sessions):
        report = _made(sessions, period, counting, where)
        with sessions.begin() as session:
            snapshot = freezing.freeze(session, report, actor(), now(), note)
    out.print(f"✓ {period} frozen, number {snapshot.number}, sha256 {snapshot.sha256}")


@app.command("list")
def list_() -> None:
    """Reports that were frozen, the last one first."""
    shown = Shown("period", "scope", "number", "frozen at", "by", "sha256")
    with store() as (_, sessions), sessions() as session:
        for item in snapshots.recent(session):
            shown.add_row(
                item.period,
                item.scope,
                str(item.number),
                item.frozen_at.isoformat(timespec="seconds"),
                item.frozen_by,
                item.sha256,
            )
    out.print(shown)


def _made(
    sessions: sessionmaker[Session], period: str, counting: Counting, where: list[str] | None
) -> Report:
    settings = Settings()
    wanted = parse_period(period)
    pipeline = Pipeline.open(settings)
    definition = definition_for(pipeline.taxonomy, settings.reports)
    when = now().replace(microsecond=0)
    policy = pipeline.policies.at(when)
    with sessions() as session:
        board = still(read(session), read_judged(session), when)
    base = parse([_pair(item) for item in where or ()], policy.clocks.zone)
    view = View(board, axes_of(pipeline.taxonomy, policy), policy.clocks.zone, when, base)
    author = author_of(actor(), pipeline, view)
    return build(view, wanted, definition, author, merged=counting == "merged")


def _pair(item: str) -> tuple[str, str]:
    name, sign, value = item.partition("=")
    if not sign:
        raise InputError(f"expected NAME=VALUE, got {item[:60]!r}", field="--where")
    return name, value


def _file(report: Report, path: Path) -> bytes:
    if path.suffix == ".json":
        return orjson.dumps(to_json(report), option=orjson.OPT_INDENT_2)
    form = {".xlsx": "xlsx", ".zip": "csv", ".pdf": "pdf"}.get(path.suffix)
    if form is None:
        raise InputError("expected a name ending in .xlsx, .zip, .pdf or .json", field="--output")
    return FORMATS[form][1](report)


def _print(report: Report, id_: str) -> None:
    try:
        table = report.table(id_)
    except KeyError as error:
        known = ", ".join(table.id for table in report.tables)
        raise InputError(f"expected one of {known}", field="--table") from error
    shown = Shown(title=f"{report.head.title}: {table.title}", caption=table.note or None)
    for column in table.columns:
        shown.add_column(column.title, justify="left" if column.kind == "text" else "right")
    for row in table.rows:
        cells = [text(c, k, row) for c, k in zip(row.cells, table.columns, strict=True)]
        shown.add_row(*cells, style="bold" if row.level != "plain" else None)
    out.print(shown)
