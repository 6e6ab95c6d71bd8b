from __future__ import annotations

from pathlib import Path

import pytest

from data.text.normalise import normalise
from model.classifier import Classifier, Prediction
from model.runtime import load
from serving.engine.cache import CachedClassifier


@pytest.fixture(scope="module")
def classifier(mood_bundle: Path) -> Classifier:
    return load(mood_bundle)


def same(one: Prediction, other: Prediction) -> bool:
    return all(
        (one.heads[h].probabilities == other.heads[h].probabilities).all()
        and one.heads[h].evidence == other.heads[h].evidence
        and one.heads[h].alternatives == other.heads[h].alternatives
        for h in one.heads
    )


def test_the_same_text_is_computed_once(classifier: Classifier) -> None:
    cached = CachedClassifier(classifier, 10)
    text = normalise("排队太久，没人理我")
    first = cached.predict(text)
    assert cached.predict(text) is first
    assert same(first, classifier.predict(text))
    assert (cached.hits, cached.misses) == (1, 1)


def test_evidence_is_always_that_of_the_text_asked(classifier: Classifier) -> None:
    """Two texts that normalise alike have their evidence at different places."""
    cached = CachedClassifier(classifier, 10)
    for original in ("排队太久", "  排队太久", "排\u200b队太久"):
        text = normalise(original)
        assert same(cached.predict(text), classifier.predict(text))
        for span in cached.predict(text).heads["mood"].evidence:
            assert original[span.start : span.end] == span.text


def test_another_bundle_and_another_number_of_alternatives_are_other_questions(
    classifier: Classifier, tree_bundle: Path
) -> None:
    cached, other = CachedClassifier(classifier, 10), CachedClassifier(load(tree_bundle), 10)
    text = normalise("老师在北京吃苹果")
    assert set(cached.predict(text).heads) == {"mood"}
    assert set(other.predict(text).heads) == {"where", "what", "who"}
    assert cached.predict(text, top_k=1) is not cached.predict(text, top_k=2)
    assert other.version != cached.version


def test_the_oldest_is_forgotten(classifier: Classifier) -> None:
    cached = CachedClassifier(classifier, 2)
    for words in ("一", "二", "三", "一"):
        cached.predict(normalise(words))
    assert (cached.hits, cached.misses) == (0, 4)
