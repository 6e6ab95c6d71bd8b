"""The student of a run's configuration: what it reads, and what it is told about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model import bundle
from model.answer import HeadCalibration
from model.blend.fit import fit_weights
from model.blend.runtime import added
from model.classifier import Floats
from model.encoder.network import EncoderNetwork
from model.linear.runtime import LinearClassifier, LinearWeights
from model.pretrained.importer import open_tokenizer
from training.encoder.config import EncoderConfig
from training.encoder.distil import Advise, Cut, distil
from training.encoder.finetune import Trained
from training.encoder.loop import Callbacks
from training.encoder.score import logits_of
from training.encoder.texts import encoder_of
from training.encoder.unlabelled import generate


@dataclass(frozen=True)
class Lesson:
    """Who teaches, and on what: `linear` makes the teacher a blend."""

    teacher: Path
    linear: LinearWeights | None
    train: Sequence[LabelledText]
    dev: Sequence[LabelledText]
    taxonomy: Taxonomy


def distil_student(
    lesson: Lesson,
    config: EncoderConfig,
    folder: Path,
    *,
    resume: bool = False,
    callbacks: Callbacks | None = None,
) -> Trained:
    """Train the student that `config.student` describes, in `folder`/student.

    `config` is otherwise the teacher's. Each of `config.prune` cuts it and teaches it on, in
    `folder`/pruned-1 and so forth.
    """
    wanted = config.student
    run = _Run(lesson, config, adviser(lesson, config), resume, callbacks)
    done = run.train(folder / "student", wanted.rate, wanted.epochs, wanted.unlabelled)
    for number, less in enumerate(config.prune, start=1):
        cut = Cut(done.path, less)
        done = run.train(folder / f"pruned-{number}", less.rate, less.epochs, less.unlabelled, cut)
    return done


@dataclass(frozen=True)
class _Run:
    """What all steps of a student's training have in common."""

    lesson: Lesson
    config: EncoderConfig
    advise: Advise
    resume: bool
    callbacks: Callbacks | None

    def train(
        self,
        folder: Path,
        rate: float,
        epochs: int,
        unlabelled: int,
        cut: Cut | None = None,
    ) -> Trained:
        lesson, config, wanted = self.lesson, self.config, self.config.student
        texts = [item.text for item in lesson.train]
        return distil(
            lesson.teacher,
            lesson.train,
            generate(texts, unlabelled, config.run.seed),
            lesson.dev,
            lesson.taxonomy,
            replace(
                config,
                model=replace(
                    config.model, layers=wanted.layers, choice=wanted.choice, dropout=wanted.dropout
                ),
                optimiser=replace(config.optimiser, rate=rate, epochs=epochs),
            ),
            folder,
            resume=self.resume,
            callbacks=self.callbacks,
            advise=self.advise,
            cut=cut,
        )


def adviser(lesson: Lesson, config: EncoderConfig) -> Advise:
    """What the teacher says: its logits, or with a linear model those of their blend."""
    network = EncoderNetwork.load(lesson.teacher).eval()
    encode = encoder_of(open_tokenizer(str(lesson.teacher)), config.model.max_tokens)
    pad = int(network.encoder.config.pad_token_id or 0)

    def deep(texts: Sequence[str]) -> dict[str, Floats]:
        ids = encode(texts)
        return logits_of(network, ids, pad=pad, batch=config.batch, bf16=config.run.bf16)

    if lesson.linear is None:
        return deep
    wide = _linear(lesson.taxonomy, lesson.linear)

    def broad(texts: Sequence[str]) -> Mapping[str, Floats]:
        return wide.logits([normalise(text) for text in texts])

    held_out = [item.text for item in lesson.dev]
    weights = fit_weights(lesson.taxonomy, deep(held_out), broad(held_out), lesson.dev)

    def both(texts: Sequence[str]) -> dict[str, Floats]:
        left, right = deep(texts), broad(texts)
        return {name: added(w, left[name], right[name]) for name, w in weights.items()}

    return both


def _linear(taxonomy: Taxonomy, weights: LinearWeights) -> LinearClassifier:
    plain = {head.name: bundle.HeadManifest.of(head, HeadCalibration()) for head in taxonomy.heads}
    return LinearClassifier(bundle.draft("linear", taxonomy, plain), taxonomy, weights)
