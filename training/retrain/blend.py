"""A blend as a challenger: the champion's encoder as it serves, the linear model and all else anew.

The encoder's network is not in a bundle, and training it takes hours; what customers newly say is
mostly new words, which the linear model learns in a minute. How much either counts, temperatures
and thresholds are fitted again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from data.splits import partition
from eval.evaluate import evaluate
from model import bundle, golden
from model.blend.build import blended
from model.blend.runtime import KIND
from model.encoder.novelty import FILE as NOVELTY
from model.encoder.runtime import MODEL, TOKENIZER, EncoderClassifier
from model.linear.runtime import LinearWeights
from model.seen import FILE as SEEN
from model.seen import SeenTexts
from model.seen import load as load_seen
from training.fit import Recipe, describe
from training.retrain.challenger import LinearChallenger, Material, Tell
from training.retrain.steps import Output
from training.tracking import Tracker


@dataclass(frozen=True)
class BlendChallenger:
    """`champion` is the bundle whose encoder is kept."""

    champion: Path
    recipe: Recipe = field(default_factory=Recipe)

    @property
    def kind(self) -> str:
        """The bundle's kind."""
        return KIND

    def settings(self) -> dict[str, Any]:
        """The linear model's recipe, and whose encoder it joins."""
        files = bundle.read(self.champion)[0].files
        return {**asdict(self.recipe), "encoder": files[MODEL]}

    def train(self, material: Material, folder: Path, tracker: Tracker, tell: Tell) -> Output:
        """Fit the linear model."""
        return LinearChallenger(self.recipe).train(material, folder, tracker, tell)

    def export(
        self, material: Material, folder: Path, target: Path, created_at: datetime, tell: Tell
    ) -> bundle.Manifest:
        """Join, calibrate, measure and write."""
        parts = partition(material.texts)
        weights = LinearWeights.load(folder, [head.name for head in material.taxonomy.heads])
        encoder = EncoderClassifier.load(self.champion)
        tell("calibrating")
        made = blended(encoder, weights, parts["dev"], self.recipe.promise)
        recorded = golden.record(made.model, golden.texts_of(material.taxonomy))
        kept = {n: (self.champion / n).read_bytes() for n in (MODEL, TOKENIZER, NOVELTY)}
        tell("measuring")
        return bundle.write(
            target,
            kind=KIND,
            taxonomy_bytes=material.taxonomy_bytes,
            heads=made.heads,
            files={
                **kept,
                **weights.files(),
                SEEN: self._seen(material).dump(),
                golden.FILE: recorded,
            },
            snapshot=describe(parts),
            training={
                "model": KIND,
                "encoder_of": encoder.version,
                "encoder": encoder.manifest.training,
                "linear": asdict(self.recipe),
            },
            metrics={"test": evaluate(made.model, parts["test"]).summary()},
            runtime=made.runtime,
            created_at=created_at,
        )

    def _seen(self, material: Material) -> SeenTexts:
        """Everything either of the two has learnt from; the encoder's texts stay seen."""
        parts = partition(material.texts)
        new = SeenTexts.of((i.text for i in parts["train"]), (i.text for i in parts["dev"]))
        old = load_seen(self.champion)
        if old is None:
            return new
        return SeenTexts(
            np.union1d(new.trained, old.trained), np.union1d(new.calibrated, old.calibrated)
        )
