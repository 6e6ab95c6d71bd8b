"""From labelled texts to a bundle: train, calibrate on held-out texts, measure, write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from data.labelled import LabelledText
from data.splits import Split, partition
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from eval.evaluate import evaluate
from model import bundle, calibrate, golden
from model.answer import HeadCalibration
from model.linear.runtime import KIND, LinearClassifier, LinearWeights
from model.seen import FILE as SEEN
from model.seen import SeenTexts
from training.linear import LinearConfig, train

# Below this a temperature or threshold is noise.
_FEWEST_HELD_OUT = 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a linear bundle, apart from the data."""

    config: LinearConfig = field(default_factory=LinearConfig)
    promise: calibrate.Promise = field(default_factory=calibrate.Promise)


def fit_linear(
    texts: Sequence[LabelledText],
    taxonomy: Taxonomy,
    taxonomy_bytes: bytes,
    target: Path,
    recipe: Recipe,
    on_step: Callable[[str], None] = lambda _: None,
) -> bundle.Manifest:
    """Train on the train split, calibrate on dev, measure on test, and write the bundle.

    Raises InputError where a split is too small or a head has fewer than two labels to learn.
    """
    parts = partition(texts)
    check_splits(parts, taxonomy)
    on_step("training")
    weights = train(parts["train"], taxonomy, recipe.config, lambda h: on_step(f"training {h}"))
    return finish_linear(weights, texts, taxonomy, taxonomy_bytes, target, recipe, on_step)


def finish_linear(
    weights: LinearWeights,
    texts: Sequence[LabelledText],
    taxonomy: Taxonomy,
    taxonomy_bytes: bytes,
    target: Path,
    recipe: Recipe,
    on_step: Callable[[str], None] = lambda _: None,
    created_at: datetime | None = None,
) -> bundle.Manifest:
    """Calibrate trained weights on dev, measure on test, and write the bundle."""
    parts = partition(texts)
    on_step("calibrating")
    heads = _calibrated(weights, taxonomy, parts["dev"], recipe)
    seen = SeenTexts.of((i.text for i in parts["train"]), (i.text for i in parts["dev"]))
    files = weights.files() | {SEEN: seen.dump()}
    model = LinearClassifier(bundle.draft(KIND, taxonomy, heads), taxonomy, weights)
    files[golden.FILE] = golden.record(model, golden.texts_of(taxonomy))
    on_step("measuring")
    report = evaluate(model, parts["test"])
    return bundle.write(
        target,
        kind=KIND,
        taxonomy_bytes=taxonomy_bytes,
        heads=heads,
        files=files,
        snapshot=describe(parts),
        training={"model": KIND, **asdict(recipe)},
        metrics={"test": report.summary()},
        created_at=created_at,
    )


def describe(parts: Mapping[Split, Sequence[LabelledText]]) -> dict[str, Any]:
    """Sizes of the splits and a hash of their ids, texts and labels."""
    digest = hashlib.sha256()
    for split in ("train", "dev", "test"):
        for item in sorted(parts[split], key=lambda item: item.id):
            digest.update(
                f"{split}\0{item.id}\0{item.text}\0{sorted(item.labels.items())}".encode()
            )
    return {"sha256": digest.hexdigest(), **{name: len(part) for name, part in parts.items()}}


def check_splits(parts: Mapping[Split, Sequence[LabelledText]], taxonomy: Taxonomy) -> None:
    """Raise InputError where there is too little to train on or to hold out."""
    for split in ("dev", "test"):
        if len(parts[split]) < _FEWEST_HELD_OUT:
            raise InputError(
                f"expected at least {_FEWEST_HELD_OUT} texts to hold out, got {len(parts[split])}",
                field=f"split {split}",
            )
    for head in taxonomy.heads:
        labels = {item.labels.get(head.name) for item in parts["train"]} & set(head.leaves)
        if len(labels) < 2:
            raise InputError(
                f"expected at least two different labels to train on, got {len(labels)}",
                field=head.name,
            )


def _calibrated(
    weights: LinearWeights, taxonomy: Taxonomy, texts: Sequence[LabelledText], recipe: Recipe
) -> dict[str, bundle.HeadManifest]:
    plain = {head.name: bundle.HeadManifest.of(head, HeadCalibration()) for head in taxonomy.heads}
    model = LinearClassifier(bundle.draft(KIND, taxonomy, plain), taxonomy, weights)
    logits = model.logits([normalise(item.text) for item in texts])
    heads = {}
    for head in taxonomy.heads:
        rows = [i for i, t in enumerate(texts) if t.labels.get(head.name) in head.leaf_index]
        gold = np.array([head.leaf_index[texts[i].labels[head.name]] for i in rows])
        fitted = calibrate.fit(
            head,
            logits[head.name][rows],
            gold,
            recipe.promise,
            accepted=[texts[i].readings(head.name) for i in rows],
        )
        heads[head.name] = bundle.HeadManifest.of(head, fitted)
    return heads
