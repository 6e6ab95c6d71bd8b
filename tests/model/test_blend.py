"""How much of either model's logits a blend takes."""

from __future__ import annotations

import numpy as np
import pytest

from data.taxonomy.schema import Taxonomy
from model.blend.fit import fit_weights
from model.classifier import Floats
from tests.conftest import mood_texts, two_labels

TEXTS = mood_texts()


@pytest.fixture
def mood() -> Taxonomy:
    return two_labels()[0]


def _sides(taxonomy: Taxonomy) -> tuple[Floats, Floats]:
    """Logits that are wrong for every tenth text: the encoder's for other texts than the words'."""
    (head,) = taxonomy.heads
    gold = np.array([head.leaf_index[item.labels[head.name]] for item in TEXTS])
    row = np.arange(len(TEXTS))
    sides = []
    for wrong in (0, 5):
        said = np.where(row % 10 == wrong, (gold + 1) % len(head.leaves), gold)
        sides.append(np.eye(len(head.leaves), dtype=np.float32)[said] * 3)
    return sides[0], sides[1]


def test_what_each_knows_of_the_others_errors_counts(mood: Taxonomy) -> None:
    (head,) = mood.heads
    deep, wide = _sides(mood)
    weights = fit_weights(mood, {head.name: deep}, {head.name: wide}, TEXTS)[head.name]
    assert weights.encoder > 0
    assert weights.linear > 0


def test_words_that_gain_too_little_weigh_nothing(mood: Taxonomy) -> None:
    (head,) = mood.heads
    deep, wide = ({head.name: side} for side in _sides(mood))
    dear = fit_weights(mood, deep, wide, TEXTS, worth=1.0)[head.name]
    assert dear.linear == 0.0
    assert dear.encoder > 0
    cheap = fit_weights(mood, deep, wide, TEXTS, worth=1e-4)[head.name]
    assert cheap.linear > 0
