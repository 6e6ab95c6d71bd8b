"""`suda behaviours`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from data.errors import InputError
from eval.behaviours.answer import DAY, answerer, urgency_head
from eval.behaviours.run import BehaviourReport, Cell, Failure, run_behaviours
from eval.behaviours.suite import KINDS, behaviours_for, load
from model.runtime import SHIPPED
from model.runtime import load as load_bundle
from serving.cli.console import err, out, progress
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for


def behaviours(
    bundle: Annotated[Path, typer.Option(help="Model bundle.")] = SHIPPED,
    file: Annotated[
        Path | None,
        typer.Option(help="Behaviour tests: a YAML file or a directory; default: the taxonomy's."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Directory of policy packs; default: the shipped.")
    ] = None,
    failures: Annotated[bool, typer.Option(help="Print every case that does not hold.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write everything as JSON.")
    ] = None,
) -> None:
    """Check what model and triage must be capable of, capability by type of test."""
    classifier = load_bundle(bundle)
    taxonomy = classifier.taxonomy
    path = file or behaviours_for(taxonomy)
    if path is None:
        raise InputError(
            f"no behaviour tests come with taxonomy {taxonomy.id!r}: name a file", field="--file"
        )
    policies = load_policy(policy or packs_for(taxonomy), taxonomy)
    active = policies.at(DAY)
    suite = load(
        path,
        taxonomy,
        urgency=urgency_head(active, taxonomy),
        flags={flag.code for flag in active.pack.rules.flags},
    )
    with progress() as bar:
        task = bar.add_task("checking", total=len(suite.cases))
        report = run_behaviours(
            answerer(classifier, policies, taxonomy),
            suite,
            on_case=lambda n: bar.update(task, completed=n),
        )
    out.print(f"{classifier.version}, {active.stamp}, tests {suite.stamp}", highlight=False)
    _print(report)
    if failures:
        for failure in report.failures:
            _print_failure(failure)
    if output:
        output.write_bytes(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
        err.print(f"→ {output}")


def _print(report: BehaviourReport) -> None:
    table = Table("capability", "", *KINDS, "held", box=None, pad_edge=False)
    for key, row in report.rows.items():
        cells = (_cell(row.cells.get(kind)) for kind in KINDS)
        table.add_row(key, row.name, *cells, f"{row.total.rate:.0%}")
    totals = (_cell(report.of_kind(kind)) for kind in KINDS)
    table.add_row("[bold]all[/]", "", *totals, f"[bold]{report.total.rate:.1%}[/]")
    out.print(table)


def _cell(cell: Cell | None) -> str:
    return f"{cell.passed}/{cell.cases}" if cell and cell.cases else "—"


def _print_failure(failure: Failure) -> None:
    title = f"\n{failure.capability} {failure.kind} {failure.id}"
    out.print(title + (f"（{failure.why}）" if failure.why else ""), markup=False, highlight=False)
    out.print(f"  {failure.text}", markup=False, highlight=False)
    shown = None
    for miss in failure.misses:
        if miss.changed is not None and miss.changed != shown:
            out.print(f"  → {miss.changed}", markup=False, highlight=False)
            shown = miss.changed
        out.print(f"    expected {miss.expected}; got {miss.got}", markup=False, highlight=False)
