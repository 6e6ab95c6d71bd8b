"""Texts answered stage by stage get the answers that each gets alone, bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.text.normalise import normalise
from model.classifier import Classifier, Prediction, predict_all
from model.golden import texts_of
from model.runtime import SHIPPED, load

TEXTS = 24


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return load(SHIPPED)


def _same(one: Prediction, other: Prediction) -> bool:
    return (
        (one.unsure, one.truncated, one.unknown_rate, one.novelty)
        == (other.unsure, other.truncated, other.unknown_rate, other.novelty)
        and list(one.heads) == list(other.heads)
        and all(
            np.array_equal(head.probabilities, other.heads[name].probabilities)
            and (head.code, head.confidence)
            == (other.heads[name].code, other.heads[name].confidence)
            and head.evidence == other.heads[name].evidence
            for name, head in one.heads.items()
        )
    )


def test_company_changes_no_bit(shipped: Classifier) -> None:
    # The last one is cut: it is far longer than the network reads.
    texts = [normalise(text) for text in texts_of(shipped.taxonomy, TEXTS)]
    texts.append(normalise("".join(text.original for text in texts) * 2))
    alone = [shipped.predict(text) for text in texts]
    for size in (1, 3, 8, len(texts)):
        for start in range(0, len(texts), size):
            together = predict_all(shipped, texts[start : start + size])
            assert all(map(_same, together, alone[start : start + size]))
    backwards = predict_all(shipped, texts[::-1])
    assert all(map(_same, backwards, alone[::-1]))
    assert alone[-1].truncated


def test_a_classifier_without_stages_answers_one_after_the_other(mood_bundle: Path) -> None:
    classifier = load(mood_bundle)
    texts = [normalise(text) for text in ("态度恶劣，没人理我", "态度真好，办事很快")]
    assert all(map(_same, predict_all(classifier, texts), map(classifier.predict, texts)))
    assert predict_all(classifier, []) == []
