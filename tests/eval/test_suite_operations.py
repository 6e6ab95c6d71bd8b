from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from data.splits import partition
from data.text.normalise import NormalisedText
from eval.suite.config import Operating
from eval.suite.operations import leak, operations, variants
from eval.suite.subject import Subject
from model.classifier import Classifier, Prediction
from model.seen import SeenTexts
from tests.conftest import mood_texts, two_labels
from tests.eval.suite_kit import Told

OPTIONS = Operating(timed=10, repeated=6, threads=3)


@pytest.fixture(scope="module")
def subject(mood_bundle: Path) -> Subject:
    return Subject.load(mood_bundle)


def test_a_served_bundle_is_timed_weighed_and_stable(subject: Subject) -> None:
    ticks = itertools.count()
    one, other = operations(
        [subject, subject], mood_texts(), OPTIONS, clock=lambda: float(next(ticks))
    )
    assert one == other
    assert one.latency_ms == one.latency_p95_ms == 1000.0
    files = sum(file.stat().st_size for file in subject.path.iterdir())
    assert one.size_mb == pytest.approx(files / 1e6, abs=1e-3)
    assert (one.checked, one.variant) == (6, 0)


def test_an_answer_that_depends_on_company_is_caught(subject: Subject) -> None:
    taxonomy, _ = two_labels()
    steady = Told(taxonomy, lambda _: {"mood": "good"})
    tried: list[tuple[Classifier, list[int]]] = [(steady, []), (_Shifting(steady), [0, 1, 2])]
    for classifier, expected in tried:
        changed = replace(subject, classifier=classifier, manifest=steady.manifest)
        assert variants(changed, ["甲", "乙", "丙"], 2) == expected


class _Shifting:
    """Every call is a little surer than the last."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._calls = 0
        self.version = "shifting-1"
        self.taxonomy = told.taxonomy
        self.logits = told.logits

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        self._calls += 1
        surer = replace(self._told, sure=0.9 + 0.001 * self._calls)
        return surer.predict(text, top_k=top_k)


def test_texts_seen_before_are_counted(subject: Subject) -> None:
    parts = partition(mood_texts())
    clean = leak(subject, parts["test"], 3)
    assert (clean.trained, clean.calibrated, clean.seen) == (0, 0, 0)
    found = leak(subject, [*parts["test"], *parts["train"][:4], *parts["dev"][:2]], 3)
    assert (found.trained, found.calibrated, found.seen) == (4, 2, 6)
    assert len(found.examples) == 3
    unknown = leak(replace(subject, seen=None), parts["test"], 3)
    assert unknown.seen is None
    again = SeenTexts.of([parts["test"][0].text + "！"], ())
    assert leak(replace(subject, seen=again), parts["test"], 3).seen == 1
