"""From labelled texts to an encoder bundle: fine-tune, export to int8, calibrate, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.labelled import LabelledText
from data.splits import partition
from data.taxonomy.schema import Taxonomy
from eval.evaluate import evaluate
from model import bundle
from model.encoder.export import About, ExportOptions, ExportTexts, export_bundle
from model.encoder.network import EncoderNetwork
from model.pretrained.importer import TOKENIZER
from training.encoder.config import EncoderConfig
from training.encoder.finetune import fine_tune
from training.encoder.loop import Callbacks
from training.fit import check_splits, describe


@dataclass(frozen=True)
class EncoderRecipe:
    """What makes an encoder bundle, apart from the data; `run` keeps checkpoints and curves."""

    run: Path
    config: EncoderConfig = field(default_factory=EncoderConfig)
    export: ExportOptions = field(default_factory=ExportOptions)
    resume: bool = False
    callbacks: Callbacks | None = None


def fit_encoder(
    texts: Sequence[LabelledText],
    taxonomy: Taxonomy,
    taxonomy_bytes: bytes,
    target: Path,
    recipe: EncoderRecipe,
    on_step: Callable[[str], None] = lambda _: None,
) -> bundle.Manifest:
    """Fine-tune on the train split, choose the epoch and calibrate on dev, measure on test.

    Raises InputError where a split is too small, BundleError where a parity gate fails.
    """
    parts = partition(texts)
    check_splits(parts, taxonomy)
    on_step("fine-tuning")
    trained = fine_tune(
        parts["train"],
        parts["dev"],
        taxonomy,
        recipe.config,
        recipe.run,
        resume=recipe.resume,
        callbacks=recipe.callbacks,
    )
    about = {"best": dict(trained.best), "epochs": len(trained.history)}
    return export_run(trained.path, texts, taxonomy_bytes, target, about, recipe.export, on_step)


def export_run(
    checkpoint: Path,
    texts: Sequence[LabelledText],
    taxonomy_bytes: bytes,
    target: Path,
    about: dict[str, Any],
    options: ExportOptions,
    on_step: Callable[[str], None] = lambda _: None,
) -> bundle.Manifest:
    """Export a trained checkpoint with the splits of `texts`."""
    parts = partition(texts)
    return export_bundle(
        EncoderNetwork.load(checkpoint),
        checkpoint / TOKENIZER,
        taxonomy_bytes,
        target,
        ExportTexts([item.text for item in parts["train"]], parts["dev"]),
        measure=lambda model: {"test": evaluate(model, parts["test"]).summary()},
        options=options,
        about=About(snapshot=describe(parts), training=about),
        on_step=on_step,
    )
