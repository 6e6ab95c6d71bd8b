"""Score a classifier on labelled texts: per head, per level of a tree, strict and lenient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data.labelled import LabelledText
from data.taxonomy.schema import Head
from data.text.normalise import normalise
from eval.metrics import (
    ClassScore,
    Figure,
    bootstrap,
    calibration_error,
    class_scores,
    confusions,
    macro_f1,
    mean_figure,
)
from model.classifier import Classifier, HeadPrediction, Prediction


@dataclass(frozen=True, slots=True)
class HeadReport:
    """One head on `n` texts.

    `accuracy` is strict (the label), `lenient` counts listed second readings as right too, `top3`
    is strict among the three most probable leaves. `levels` has the accuracy at each level of a
    tree, root first. `coverage` is the share whose confidence needs no review, `automatic` how
    often those answers are the label or a second reading (a backed-off answer is right if one lies
    under it), which is what the bundle promises; None if none was automatic.
    """

    head: str
    n: int
    accuracy: Figure
    lenient: Figure
    macro_f1: Figure
    top3: Figure
    levels: tuple[Figure, ...]
    calibration_error: float
    coverage: float
    automatic: Figure | None
    classes: dict[str, ClassScore]
    confusions: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Report:
    """All heads, with the version of the model that answered."""

    model: str
    n: int
    heads: dict[str, HeadReport]

    def summary(self) -> dict[str, Any]:
        """The main figures, small enough for a manifest."""
        return {
            name: {
                "n": head.n,
                "accuracy": round(head.accuracy.value, 4),
                "lenient": round(head.lenient.value, 4),
                "macro_f1": round(head.macro_f1.value, 4),
                "top3": round(head.top3.value, 4),
                "calibration_error": round(head.calibration_error, 4),
                "coverage": round(head.coverage, 4),
            }
            for name, head in self.heads.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self)


def evaluate(
    classifier: Classifier,
    texts: Sequence[LabelledText],
    on_text: Callable[[int], None] = lambda _: None,
) -> Report:
    """Answer every text as the service would, and score each head on the texts labelled for it."""
    predictions: list[Prediction] = []
    for done, item in enumerate(texts, 1):
        predictions.append(classifier.predict(normalise(item.text)))
        on_text(done)
    heads = {}
    for head in classifier.taxonomy.heads:
        rows = [i for i, item in enumerate(texts) if head.name in item.labels]
        if rows:
            heads[head.name] = score_head(
                head,
                [texts[i] for i in rows],
                [predictions[i].heads[head.name] for i in rows],
                np.array([head.name not in predictions[i].unsure for i in rows]),
            )
    return Report(classifier.version, len(texts), heads)


def score_head(
    head: Head,
    texts: Sequence[LabelledText],
    predictions: Sequence[HeadPrediction],
    automatic: np.ndarray[Any, np.dtype[np.bool_]],
) -> HeadReport:
    """Score one head's answers to texts that carry its label."""
    gold = [item.labels[head.name] for item in texts]
    predicted = [prediction.leaf for prediction in predictions]
    codes = {code: i for i, code in enumerate(head.by_code)}
    gold_index = np.array([codes[code] for code in gold])
    predicted_index = np.array([codes[code] for code in predicted])
    right = np.array(
        [head.is_under(g, p.code) for g, p in zip(gold, predictions, strict=True)], dtype=bool
    )
    defensible = np.array(
        [
            any(head.is_under(reading, p.code) for reading in t.readings(head.name))
            for t, p in zip(texts, predictions, strict=True)
        ],
        dtype=bool,
    )
    confidence = np.array([p.confidence for p in predictions], dtype=np.float32)
    return HeadReport(
        head=head.name,
        n=len(texts),
        accuracy=mean_figure(gold_index == predicted_index),
        lenient=mean_figure(
            [t.accepts(head.name, p) for t, p in zip(texts, predicted, strict=True)]
        ),
        macro_f1=bootstrap(
            len(texts), lambda rows: macro_f1(gold_index[rows], predicted_index[rows])
        ),
        top3=mean_figure([g in _top3(head, p) for g, p in zip(gold, predictions, strict=True)]),
        levels=_levels(head, gold, predicted),
        calibration_error=calibration_error(confidence, right),
        coverage=float(automatic.mean()),
        automatic=mean_figure(defensible[automatic]) if automatic.any() else None,
        classes=class_scores(gold, predicted),
        confusions=confusions(gold, predicted),
    )


def _top3(head: Head, prediction: HeadPrediction) -> set[str]:
    return {head.leaves[int(i)] for i in np.argsort(-prediction.probabilities)[:3]}


def _levels(head: Head, gold: Sequence[str], predicted: Sequence[str]) -> tuple[Figure, ...]:
    if head.kind != "tree":
        return ()
    return tuple(
        mean_figure(
            [
                head.at_level(g, level) == head.at_level(p, level)
                for g, p in zip(gold, predicted, strict=True)
            ]
        )
        for level in range(1, head.depth + 1)
    )
