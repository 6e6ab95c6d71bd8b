"""Predictions and signals made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import Floats, HeadPrediction, Prediction
from training.selection.signals import Signals


def predicted(taxonomy: Taxonomy, *probabilities: Sequence[float]) -> Prediction:
    """One answer per head of a taxonomy, from its probabilities."""
    heads = {}
    for head, values in zip(taxonomy.heads, probabilities, strict=True):
        best = int(np.argmax(values))
        heads[head.name] = HeadPrediction(
            head=head.name,
            code=head.leaves[best],
            confidence=float(values[best]),
            leaf=head.leaves[best],
            backed_off=False,
            probabilities=np.array(values, dtype=np.float32),
            alternatives=(),
            evidence=(),
        )
    return Prediction(heads, (), truncated=False, unknown_rate=0.0)


def signals(
    taxonomy: Taxonomy,
    name: str,
    text: str,
    *probabilities: Sequence[float],
    disagreement: float = 0.0,
    novelty: float = 0.0,
) -> Signals:
    """What selection reads about one text."""
    prediction = predicted(taxonomy, *probabilities)
    doubt = {head: 1.0 - answer.margin for head, answer in prediction.heads.items()}
    return Signals(name, text, prediction, doubt, disagreement, novelty, ())


class FixedClassifier:
    """Gives every text the same answer."""

    version = "fixed"

    def __init__(self, taxonomy: Taxonomy, prediction: Prediction) -> None:
        self.taxonomy = taxonomy
        self._prediction = prediction

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        return self._prediction

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        return {
            name: np.log(np.stack([answer.probabilities] * len(texts)))
            for name, answer in self._prediction.heads.items()
        }
