"""`suda policy check|explain|replay|upload|activate|history`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.records import Complaint
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from data.text.normalise import normalise
from serving.answer import decision_json
from serving.cli import policies
from serving.cli.console import out
from serving.cli.show import show_decision
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.triage.check import Overview, overview, table
from serving.triage.explain import Explanation, explain
from serving.triage.policy import load, packs_for

app = typer.Typer(no_args_is_help=True, help="Check, explain, try and activate policy packs.")
policies.install(app)

_Policy = Annotated[Path | None, typer.Option(help="Directory of packs; default: the shipped.")]


@app.command()
def check(
    policy: _Policy = None,
    taxonomy: Annotated[Path, typer.Option(help="Taxonomy file.")] = DEFAULT_PATH,
    routes: Annotated[bool, typer.Option(help="Print the routing table written out.")] = False,
) -> None:
    """Check packs against each other and the taxonomy, and say what they cover."""
    heads = load_taxonomy(taxonomy)
    active = load(policy or packs_for(heads), heads).at(datetime.now(UTC))
    _print_overview(overview(active, heads))
    if routes:
        printed = Table("product", "reason", "lead", "route", box=None, pad_edge=False)
        for row in table(active, heads, leaves_only=True):
            printed.add_row(
                *(value or "—" for value in (row.product, row.reason, row.lead, row.route))
            )
        out.print(printed)


@app.command("explain")
def explain_text(
    text: Annotated[str, typer.Argument(help="A complaint's words.")],
    source: Annotated[str | None, typer.Option(help="Where it came in.")] = None,
    branch: Annotated[str | None, typer.Option(help="Branch it is about.")] = None,
) -> None:
    """Show why a text is decided as it is: rules, what a guard took back, routes, deadlines."""
    pipeline = Pipeline.open(Settings())
    complaint = Complaint(text, datetime.now(UTC), source=source, branch=branch)
    normalised = normalise(text)
    active = pipeline.policies.at(complaint.received_at)
    prediction = pipeline.classifier.predict(normalised)
    found = explain(complaint, normalised, active, pipeline.taxonomy, prediction)
    assert found.decision is not None  # noqa: S101 - a prediction was given
    versions = {"model": pipeline.classifier.version, "policy": active.stamp}
    decision = decision_json(complaint, "", found.decision, pipeline.taxonomy, versions)
    show_decision(decision, text, pipeline.taxonomy, out)
    _print_rules(found)


def _print_overview(view: Overview) -> None:
    out.print(f"[bold]{view.stamp}[/], effective {view.effective}, files {', '.join(view.files)}")
    out.print(f"routing: {view.combinations} combinations of product and reason, all resolved")
    out.print("leads: " + ", ".join(f"{code} {n}" for code, n in view.leads.items()))
    out.print("rules: " + ", ".join(f"{level} {n}" for level, n in view.rules_by_level.items()))
    for name in ("unused_departments", "unused_flags", "unused_guards"):
        if unused := getattr(view, name):
            out.print(f"[yellow]{name.replace('_', ' ')}[/]: {', '.join(unused)}")
    clocks = Table(box=None, pad_edge=False)
    for column in ("clock", "kind", "when", "limit", "basis"):
        clocks.add_column(column, overflow="fold")
    for clock in view.clocks:
        extension = " (extension)" if clock.extension else ""
        limit = f"{clock.amount} {clock.unit}{extension}"
        clocks.add_row(clock.name, clock.kind, clock.when or "always", limit, clock.basis)
    out.print(clocks)
    out.print("[green]ok[/]")


def _print_rules(found: Explanation) -> None:
    out.print(f"\n规则包 {found.policy}")
    out.print("分句：" + " ｜ ".join(found.clauses), highlight=False, markup=False)
    for measured in found.quantities:
        out.print(f"数量：{measured.kind} = {measured.value:g}（{measured.text}）", markup=False)
    for fired in found.fired:
        words = "、".join(f"「{hit.text}」" for hit in fired.hits) or "由受理信息触发"
        level = fired.level or "仅标记"
        out.print(f"命中：{fired.name}（{fired.rule}，{level}）{words}", markup=False)
    for taken in found.suppressed:
        out.print(
            f"排除：{taken.hit.rule}「{taken.hit.text}」，{taken.reason}（{taken.guard}）",
            markup=False,
        )
    out.print("派单规则依次：" + " → ".join(found.considered), markup=False, highlight=False)
