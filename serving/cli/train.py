"""`suda train`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from data.errors import SudaError
from data.labelled import load_labelled
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from serving.cli.console import err, progress

CORPUS = Path(__file__).parents[2] / "data" / "corpus"


class ModelKind(StrEnum):
    """What can be trained."""

    linear = "linear"


class MissingExtraError(SudaError):
    """A command needs an optional part of the installation."""

    code = "missing_extra"


def train(
    model: Annotated[ModelKind, typer.Option(help="Kind of model.")] = ModelKind.linear,
    data: Annotated[Path, typer.Option(help="Labelled file, or directory of JSONL.")] = CORPUS,
    taxonomy: Annotated[Path, typer.Option(help="Taxonomy file.")] = DEFAULT_PATH,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Bundle directory to write.")
    ] = Path("var/bundle"),
) -> None:
    """Train a model on labelled texts and write it as a bundle.

    Columns of the data: text, one per head of the taxonomy, optionally alt_<head>, split and
    group. Texts without a split are divided by a hash of their group.
    """
    try:
        from training.fit import Recipe, fit_linear
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'", field="training"
        ) from error
    heads = load_taxonomy(taxonomy)
    texts = load_labelled(data, heads)
    with progress() as bar:
        task = bar.add_task(f"training {model}", total=None)
        manifest = fit_linear(
            texts,
            heads,
            taxonomy.read_bytes(),
            output,
            Recipe(),
            on_step=lambda step: bar.update(task, description=step),
        )
    sizes = {k: manifest.snapshot[k] for k in ("train", "dev", "test")}
    err.print(f"[green]ok[/] {manifest.version} {sizes} → {output}")
    for head, figures in manifest.metrics["test"].items():
        err.print(f"  {head}: {figures}")
