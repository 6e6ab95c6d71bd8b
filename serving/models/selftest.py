"""Whether a model may be let in: it answers golden texts as a model of its taxonomy must."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from statistics import median

import numpy as np
import orjson

from data.records import Complaint
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import normalise
from model.classifier import HeadPrediction, Prediction
from model.golden import Golden, differences, texts_of
from serving.models.errors import ModelRefusedError
from serving.pipeline import Pipeline

# Probabilities are single precision, and sum to one over hundreds of leaves.
_SUM = 1e-3
# A text of which the model knows less says nothing about it.
_KNOWN = 0.5
_FEWEST_KNOWN = 8


def self_test(pipeline: Pipeline, golden: Sequence[Golden] | None, when: datetime) -> None:
    """Answer golden texts twice and decide each: this also warms the model up.

    The texts are the bundle's own with their recorded answers, else the taxonomy's words. Raises
    ModelRefusedError, in the first words of what is wrong, where a probability is none, an answer
    is missing, differs the second time or from what was recorded, where all texts are answered
    alike, or where no decision can be made of an answer.
    """
    texts = [item.text for item in golden] if golden else texts_of(pipeline.taxonomy)
    first = [_answer(pipeline, text) for text in texts]
    for number, text in enumerate(texts):
        for fault in faults(first[number], pipeline.classifier.taxonomy):
            raise _refused(pipeline, f"text {number + 1}: {fault}")
        if not _same(first[number], _answer(pipeline, text)):
            raise _refused(pipeline, f"text {number + 1} is answered otherwise the second time")
        _decide(pipeline, number, Complaint(text, when))
    for item, prediction in zip(golden or (), first, strict=False):
        for difference in differences(item, prediction, pipeline.classifier.taxonomy):
            raise _refused(pipeline, f"not what the bundle recorded: {difference}")
    if _constant(first):
        raise _refused(pipeline, "every text is answered alike")


def faults(prediction: Prediction, taxonomy: Taxonomy) -> list[str]:
    """What no answer may be, whatever the text."""
    found = [f"{head.name} is not answered" for head in taxonomy.heads
             if head.name not in prediction.heads]  # fmt: skip
    for name, answer in prediction.heads.items():
        if name not in taxonomy:
            found.append(f"{name} is no head of its taxonomy")
        elif fault := _fault(answer, taxonomy[name]):
            found.append(f"{name}: {fault}")
    if not (np.isfinite(prediction.unknown_rate) and 0 <= prediction.unknown_rate <= 1):
        found.append(f"unknown rate {prediction.unknown_rate}, expected a number in [0, 1]")
    if prediction.novelty is not None and not np.isfinite(prediction.novelty):
        found.append(f"novelty {prediction.novelty}, expected a number")
    return found


def relative_cost(new: Pipeline, old: Pipeline, when: datetime) -> float:
    """How many times as long the new model takes as the old one, over the same texts in turn.

    Measured beside whatever is being answered meanwhile, which hinders both alike.
    """
    complaints = [Complaint(text, when) for text in texts_of(old.taxonomy)]
    return median(_seconds(new, c) / max(_seconds(old, c), 1e-9) for c in complaints)


def _fault(answer: HeadPrediction, head: Head) -> str | None:
    p = np.asarray(answer.probabilities, dtype=np.float64)
    if p.shape != (len(head.leaves),):
        return f"{p.size} probabilities, expected {len(head.leaves)}"
    if not np.isfinite(p).all() or (p < 0).any() or abs(float(p.sum()) - 1.0) > _SUM:
        return "its probabilities are none: not finite, negative, or not one together"
    if answer.code not in head.by_code or answer.leaf not in head.leaf_index:
        return f"{answer.code} is none of its labels"
    if not (np.isfinite(answer.confidence) and 0 <= answer.confidence <= 1):
        return f"confidence {answer.confidence}, expected a number in [0, 1]"
    return None


def _answer(pipeline: Pipeline, text: str) -> Prediction:
    try:
        return pipeline.classifier.predict(normalise(text), top_k=pipeline.top_k)
    except Exception as error:  # whatever a model of any kind may raise
        raise _refused(pipeline, f"fails on a golden text: {type(error).__name__}") from error


def _decide(pipeline: Pipeline, number: int, complaint: Complaint) -> None:
    try:
        orjson.dumps(pipeline.decide(complaint, f"golden-{number}"))
    except Exception as error:
        message = f"no decision can be made of its answer: {type(error).__name__}"
        raise _refused(pipeline, message) from error


def _same(one: Prediction, other: Prediction) -> bool:
    return one.heads.keys() == other.heads.keys() and all(
        np.array_equal(answer.probabilities, other.heads[name].probabilities)
        for name, answer in one.heads.items()
    )


def _constant(answers: Sequence[Prediction]) -> bool:
    known = [answer for answer in answers if answer.unknown_rate < _KNOWN]
    return len(known) >= _FEWEST_KNOWN and all(_same(known[0], other) for other in known[1:])


def _seconds(pipeline: Pipeline, complaint: Complaint) -> float:
    began = time.perf_counter()
    pipeline.decide(complaint, "warm-up")
    return time.perf_counter() - began


def _refused(pipeline: Pipeline, message: str) -> ModelRefusedError:
    return ModelRefusedError("self-test", message, field=pipeline.classifier.version)
