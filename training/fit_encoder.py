"""From labelled texts to an encoder bundle: fine-tune, export to int8, calibrate, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from data.labelled import LabelledText
from data.splits import partition
from data.taxonomy.schema import Taxonomy
from eval.evaluate import evaluate
from model import bundle
from model.bundle import sha256_of
from model.encoder.export import About, ExportOptions, ExportTexts, export_bundle
from model.encoder.network import EncoderNetwork
from model.linear.runtime import LinearWeights
from model.pretrained.importer import TOKENIZER
from training.encoder.checkpoint import RunFolder
from training.encoder.config import EncoderConfig, as_dict
from training.encoder.finetune import fine_tune
from training.encoder.loop import Callbacks
from training.encoder.student import Lesson, distil_student
from training.fit import check_splits, describe
from training.linear import LinearConfig
from training.linear import train as train_linear


@dataclass(frozen=True)
class EncoderRecipe:
    """What makes an encoder bundle, apart from the data; `run` keeps checkpoints and curves.

    `linear` is used where the configuration asks for a blend; `teacher` is the folder of a network
    fine-tuned before, which spares training one.
    """

    run: Path
    config: EncoderConfig = field(default_factory=EncoderConfig)
    linear: LinearConfig = field(default_factory=LinearConfig)
    export: ExportOptions = field(default_factory=ExportOptions)
    resume: bool = False
    callbacks: Callbacks | None = None
    teacher: Path | None = None


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
    config, student = recipe.config, recipe.config.student
    linear = None
    if config.blend.linear:
        on_step("training the linear model")
        linear = train_linear(parts["train"], taxonomy, recipe.linear)
    best, about = recipe.teacher, _known(recipe.teacher)
    if best is None:
        on_step("fine-tuning")
        tuned = fine_tune(
            parts["train"],
            parts["dev"],
            taxonomy,
            config,
            recipe.run / "teacher" if student.layers else recipe.run,
            resume=recipe.resume,
            callbacks=recipe.callbacks,
        )
        best, about = tuned.path, {"best": dict(tuned.best), "epochs": len(tuned.history)}
    if student.layers:
        on_step("distilling")
        done = distil_student(
            Lesson(best, linear, parts["train"], parts["dev"], taxonomy),
            config,
            recipe.run,
            resume=recipe.resume,
            callbacks=recipe.callbacks,
        )
        best, about = (
            done.path,
            {
                "teacher": about,
                "best": dict(done.best),
                "epochs": len(done.history),
            },
        )
    about |= {"config": as_dict(config), "linear": asdict(recipe.linear) if linear else None}
    options = replace(recipe.export, worth=config.blend.worth)
    return export_run(best, texts, taxonomy_bytes, target, about, options, on_step, linear=linear)


def _known(teacher: Path | None) -> dict[str, Any]:
    """What a network fine-tuned before says of itself: its weights and its best epoch."""
    if teacher is None:
        return {}
    history = RunFolder(teacher.parent, "").history()
    return {
        "weights": [sha256_of(file)[:16] for file in sorted(teacher.glob("*.safetensors"))],
        "best": max(history, key=lambda row: float(row["score"]), default={}),
    }


def export_run(
    checkpoint: Path,
    texts: Sequence[LabelledText],
    taxonomy_bytes: bytes,
    target: Path,
    about: dict[str, Any],
    options: ExportOptions,
    on_step: Callable[[str], None] = lambda _: None,
    created_at: datetime | None = None,
    linear: LinearWeights | None = None,
) -> bundle.Manifest:
    """Export a trained checkpoint with the splits of `texts`, alone or blended with `linear`."""
    parts = partition(texts)
    return export_bundle(
        EncoderNetwork.load(checkpoint),
        checkpoint / TOKENIZER,
        taxonomy_bytes,
        target,
        ExportTexts([item.text for item in parts["train"]], parts["dev"]),
        linear=linear,
        measure=lambda model: {"test": evaluate(model, parts["test"]).summary()},
        options=options,
        about=About(snapshot=describe(parts), training=about, created_at=created_at),
        on_step=on_step,
    )
