"""`suda retrain`."""

from __future__ import annotations

import getpass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import MissingExtraError
from data.snapshot.record import Feedback
from data.snapshot.store import is_snapshot
from data.taxonomy.load import DEFAULT_PATH
from model.registry.resolve import DEFAULT as REGISTRY
from serving.cli.console import err, out, progress
from serving.cli.store import store as open_store
from serving.cli.train import CORPUS
from serving.store import label_texts

if TYPE_CHECKING:
    from training.retrain.plan import Outcome


class Challenger(StrEnum):
    """What can be retrained; a blend keeps the champion's encoder."""

    linear = "linear"
    encoder = "encoder"
    blend = "blend"


# Exit status where a gate stops a challenger.
REFUSED = 3


def who() -> str:
    """The name of the person or account at this terminal."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def retrain(
    data: Annotated[
        Path, typer.Option(help="Snapshot, labelled file, or directory of JSONL.")
    ] = CORPUS,
    taxonomy: Annotated[Path, typer.Option(help="Taxonomy file.")] = DEFAULT_PATH,
    stored: Annotated[
        bool | None, typer.Option(help="With the labels in the store; default: unless a snapshot.")
    ] = None,
    model: Annotated[
        Challenger | None, typer.Option(help="Kind of model; default: the champion's.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh/--warm", help="Encoder: not from the champion's checkpoint.")
    ] = False,
    promote: Annotated[
        bool, typer.Option(help="Let the challenger serve if it passes every gate.")
    ] = False,
    cases: Annotated[
        Path | None, typer.Option(help="Labelled texts to judge by; default: the test split.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Encoder: TOML of the training.")] = None,
    suite: Annotated[Path | None, typer.Option(help="Suite file with the gates.")] = None,
    registry: Annotated[
        Path, typer.Option(envvar="SUDA_REGISTRY", help="Directory of models.")
    ] = REGISTRY,
    runs: Annotated[Path, typer.Option(help="Directory of run folders.")] = Path("var/runs"),
    run: Annotated[
        str | None, typer.Option(help="Name of the run; default: by what goes in.")
    ] = None,
    why: Annotated[str, typer.Option(help="For the promotion log.")] = "retrained",
    report: Annotated[bool, typer.Option(help="Draw the suite's page and plots.")] = True,
) -> None:
    """Train a challenger, judge it beside the champion, and register it.

    Snapshot → check → train → calibrate → export → suite → gates → registry. The same command
    after a crash goes on where it was. Exit status 3 where a gate refuses the challenger: it is
    registered, and does not serve.
    """
    try:
        from training.retrain.plan import RetrainPlan
        from training.retrain.run import retrain as work
        from training.tracking import configured_uri
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'", field="training"
        ) from error
    plan = RetrainPlan(
        data=data,
        taxonomy=taxonomy,
        registry=registry,
        runs=runs,
        kind=model.value if model else None,
        warm=not fresh,
        promote=promote,
        who=who(),
        why=why,
        cases=cases,
        config=config,
        suite=suite,
        name=run,
        masked=data == CORPUS,
        report=report,
        mlflow=configured_uri(),
    )
    feedback = _stored() if (not is_snapshot(data) if stored is None else stored) else []
    with progress() as bar:
        task = bar.add_task("retraining", total=None)
        outcome = work(plan, feedback, on_step=lambda words: bar.update(task, description=words))
    _print(outcome)
    if not outcome.passed:
        raise typer.Exit(REFUSED)


def _stored() -> list[Feedback]:
    with open_store() as (_, sessions), sessions() as session:
        return list(label_texts.feedback(session))


def _print(outcome: Outcome) -> None:
    out.print(f"{outcome.version} beside {outcome.champion or 'no champion'}: {outcome.run}")
    for head, figures in outcome.metrics.items():
        out.print(f"  {head}: {figures}", soft_wrap=True)
    for reason in outcome.refused:
        out.print(reason, style="red", markup=False, soft_wrap=True)
    for kind, count in outcome.flags.items():
        if count:
            err.print(f"check {kind}: {count}", highlight=False)
    for note in outcome.notes:
        err.print(note, markup=False, soft_wrap=True)
    if outcome.report:
        err.print(f"report → {outcome.report}", soft_wrap=True)
    if not outcome.passed:
        err.print("[bold red]refused[/]: registered, and does not serve")
    elif outcome.promoted:
        err.print("[green]promoted[/]")
    else:
        err.print(f"[green]passed[/]: suda models promote {outcome.version} --why …")
