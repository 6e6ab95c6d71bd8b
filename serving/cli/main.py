"""The `suda` command: assembles the sub-commands and turns our errors into one clear line."""

from __future__ import annotations

import sys

import typer

from data.errors import SudaError
from serving.cli import bench, classify, data, evaluate, policy, pretrained, serve, taxonomy, train
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
app.command("bench")(bench.bench)
app.add_typer(taxonomy.app, name="taxonomy")
app.add_typer(policy.app, name="policy")
app.add_typer(data.app, name="data")
app.add_typer(pretrained.app, name="pretrained")


def main() -> None:
    """Entry point. Exit status 1 for an error a person can act on, 2 for wrong usage."""
    try:
        app()
    except SudaError as error:
        err.print(f"[bold red]error[/] {error.code}: {_escape(str(error))}", soft_wrap=True)
        sys.exit(1)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
