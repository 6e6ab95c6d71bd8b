"""The `suda` command: assembles the sub-commands and turns our errors into one clear line."""

from __future__ import annotations

import sys

import typer

from data.errors import SudaError
from serving.cli import (
    audit,
    behaviours,
    bench,
    classify,
    customer,
    data,
    database,
    demo,
    evaluate,
    feedback,
    jobs,
    keys,
    models,
    monitor,
    outbox,
    policy,
    pretrained,
    report,
    retention,
    retrain,
    select,
    serve,
    simulate,
    snapshot,
    taxonomy,
    train,
    users,
)
from serving.cli.console import err

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Suda 诉达: complaint triage for Chinese banks.",
)
app.command("serve")(serve.serve)
app.command("classify")(classify.classify)
app.command("train")(train.train)
app.command("eval")(evaluate.evaluate)
app.command("behaviours")(behaviours.behaviours)
app.command("retrain")(retrain.retrain)
app.command("monitor")(monitor.monitor)
app.command("select")(select.select)
app.command("simulate")(simulate.simulate)
app.command("retention")(retention.retention)
app.command("bench")(bench.bench)
app.command("demo")(demo.demo)
app.add_typer(taxonomy.app, name="taxonomy")
app.add_typer(policy.app, name="policy")
app.add_typer(data.app, name="data")
app.add_typer(feedback.app, name="feedback")
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.add_typer(audit.app, name="audit")
app.add_typer(customer.app, name="customer")
app.add_typer(database.app, name="database")
app.add_typer(pretrained.app, name="pretrained")
app.add_typer(models.app, name="models")
app.add_typer(report.app, name="report")
app.add_typer(outbox.app, name="outbox")
app.add_typer(users.app, name="users")


def main() -> None:
    """Entry point. Exit status 1 for an error a person can act on, 2 for wrong usage."""
    try:
        app()
    except SudaError as error:
        err.print(f"[bold red]error[/] {error.code}: {_escape(str(error))}", soft_wrap=True)
        sys.exit(1)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
