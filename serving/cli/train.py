"""`suda train`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from data.errors import MissingExtraError
from data.labelled import load_labelled
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from serving.cli.console import err, progress

CORPUS = Path(__file__).parents[2] / "data" / "corpus"


class ModelKind(StrEnum):
    """What can be trained."""

    linear = "linear"
    encoder = "encoder"


def train(
    model: Annotated[ModelKind, typer.Option(help="Kind of model.")] = ModelKind.linear,
    data: Annotated[Path, typer.Option(help="Labelled file, or directory of JSONL.")] = CORPUS,
    taxonomy: Annotated[Path, typer.Option(help="Taxonomy file.")] = DEFAULT_PATH,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Bundle directory to write.")
    ] = Path("var/bundle"),
    config: Annotated[
        Path | None, typer.Option(help="Encoder: TOML like training/configs/encoder.toml.")
    ] = None,
    run: Annotated[Path, typer.Option(help="Encoder: folder for checkpoints.")] = Path("var/run"),
    resume: Annotated[bool, typer.Option(help="Encoder: go on with the run in --run.")] = False,
    teacher: Annotated[
        Path | None,
        typer.Option(help="Encoder: distil from this fine-tuned network (a run's model-best)."),
    ] = None,
) -> None:
    """Train a model on labelled texts and write it as a bundle.

    Columns of the data: text, one per head of the taxonomy, optionally alt_<head>, split and
    group. Texts without a split are divided by a hash of their group. The encoder starts from the
    checkpoint that `suda pretrained import` writes, or from any that its configuration names.
    """
    heads = load_taxonomy(taxonomy)
    texts = load_labelled(data, heads)
    raw = taxonomy.read_bytes()
    with progress() as bar:
        task = bar.add_task(f"training {model}", total=None)

        def step(words: str) -> None:
            bar.update(task, description=words, completed=0, total=None)
            if not err.is_terminal:
                err.print(words)

        try:
            if model is ModelKind.linear:
                from training.fit import Recipe, fit_linear

                manifest = fit_linear(texts, heads, raw, output, Recipe(), step)
            else:
                from training.encoder.config import DEFAULT
                from training.encoder.config import load as load_config
                from training.encoder.loop import Callbacks, Tick
                from training.fit_encoder import EncoderRecipe, fit_encoder

                def tick(now: Tick) -> None:
                    words = f"loss {now.loss:.3f}, {now.texts_per_second:.0f} texts/s"
                    bar.update(task, description=words, completed=now.step, total=now.steps)

                def epoch(figures: Mapping[str, Any]) -> None:
                    err.print(
                        f"epoch {figures['epoch']}: loss {figures['loss']:.3f}, macro-F1 on dev "
                        f"{figures['score']:.3f}, {figures['tokens_per_second']:.0f} tokens/s",
                        soft_wrap=True,
                    )

                recipe = EncoderRecipe(
                    run,
                    load_config(config or DEFAULT),
                    resume=resume,
                    callbacks=Callbacks(tick, epoch),
                    teacher=teacher,
                )
                manifest = fit_encoder(texts, heads, raw, output, recipe, step)
        except ImportError as error:
            raise MissingExtraError(
                f"{error.name} is not installed: pip install 'suda[train]'", field="training"
            ) from error
    sizes = {k: manifest.snapshot[k] for k in ("train", "dev", "test")}
    err.print(f"[green]ok[/] {manifest.version} {sizes} → {output}", soft_wrap=True)
    for head, figures in manifest.metrics["test"].items():
        err.print(f"  {head}: {figures}", soft_wrap=True)
