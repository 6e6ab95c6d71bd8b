"""What a worker answers, without a process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from data.records import Complaint
from data.text.normalise import normalise
from model.classifier import Classifier
from model.runtime import load
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.workers.messages import Decide, Done, Equip, Failed, Forget, Load, Predict, Refused
from serving.workers.worker import Bench

TEXT = normalise("态度恶劣，没人理我")
COMPLAINT = Complaint(TEXT.original, datetime(2026, 3, 2, 9, tzinfo=UTC), source="电话")


def test_it_answers_bit_by_bit_what_the_model_answers(mood_bundle: Path) -> None:
    bench, model = Bench(), load(mood_bundle)
    assert bench.handle(Load("a", str(mood_bundle))) == Done(model.version)
    answer = bench.handle(Predict("a", TEXT, 3))
    assert isinstance(answer, Done)
    ours = model.predict(TEXT, top_k=3)
    for name, head in ours.heads.items():
        assert np.array_equal(answer.result.heads[name].probabilities, head.probabilities)
        assert answer.result.heads[name].evidence == head.evidence


def test_what_it_was_told_to_forget_it_no_longer_answers(mood_bundle: Path) -> None:
    bench = Bench()
    bench.handle(Load("a", str(mood_bundle)))
    assert bench.handle(Forget("a")) is None
    assert bench.handle(Predict("a", TEXT, 3)) == Failed("KeyError", "")


def test_it_decides_byte_by_byte_as_the_pipeline_does(mood_bundle: Path) -> None:
    bench, ours = Bench(), Pipeline.open(Settings(bundle=mood_bundle))
    bench.handle(Load("a", str(mood_bundle)))
    equip = Equip("a/1", "a", ours.policies, ours.taxonomy, ours.top_k)
    assert bench.handle(equip) == Done("a/1")
    answer = bench.handle(Decide("a/1", [(COMPLAINT, "id")]))
    assert isinstance(answer, Done)
    (outcome,) = answer.result
    expected = ours.outcome(COMPLAINT, "id")
    assert outcome.body == expected.body
    assert outcome.versions == expected.versions
    assert outcome.novelty == expected.novelty
    assert 0 < outcome.triage_seconds < outcome.seconds
    bench.handle(Forget("a/1"))
    assert bench.handle(Decide("a/1", [(COMPLAINT, "id")])) == Failed("KeyError", "")


def test_a_text_without_words_is_the_callers_fault(mood_bundle: Path) -> None:
    bench, ours = Bench(), Pipeline.open(Settings(bundle=mood_bundle))
    bench.handle(Load("a", str(mood_bundle)))
    bench.handle(Equip("a/1", "a", ours.policies, ours.taxonomy, ours.top_k))
    wordless = replace(COMPLAINT, text="\u200b \n")
    answer = bench.handle(Decide("a/1", [(wordless, "id"), (COMPLAINT, "other")]))
    assert isinstance(answer, Done)
    refused, outcome = answer.result
    assert isinstance(refused, Refused)
    assert refused.field == "text"
    assert "expected a complaint in words" in refused.message
    assert outcome.body == ours.outcome(COMPLAINT, "other").body


def test_it_cannot_be_equipped_for_a_model_it_lacks(mood_bundle: Path) -> None:
    ours = Pipeline.open(Settings(bundle=mood_bundle))
    equip = Equip("a/1", "a", ours.policies, ours.taxonomy, ours.top_k)
    assert Bench().handle(equip) == Failed("KeyError", "")


def test_a_bundle_that_is_none_is_named(tmp_path: Path) -> None:
    answer = Bench().handle(Load("a", str(tmp_path)))
    assert isinstance(answer, Failed)
    assert answer.kind == "BundleError"
    assert str(tmp_path) in answer.message


def test_a_failure_is_told_without_its_words(
    mood_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Poisoned:
        version = "poisoned"
        taxonomy = load(mood_bundle).taxonomy

        def predict(self, text: object, *, top_k: int = 3) -> object:
            if text is TEXT:
                raise ValueError("何某某的卡号")
            return None

    def opened(_: Path) -> Classifier:
        return Poisoned()  # type: ignore[return-value]

    bench = Bench(opened)
    bench.handle(Load("a", "anywhere"))
    assert bench.handle(Predict("a", TEXT, 3)) == Failed("ValueError", "")
    assert "ValueError at predict (" in caplog.text
    assert "何某某" not in caplog.text
