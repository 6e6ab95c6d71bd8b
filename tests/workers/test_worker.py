"""What a worker answers, without a process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data.text.normalise import normalise
from model.classifier import Classifier
from model.runtime import load
from serving.workers.messages import Done, Failed, Forget, Load, Predict
from serving.workers.worker import Bench

TEXT = normalise("态度恶劣，没人理我")


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


def test_a_bundle_that_is_none_is_named(tmp_path: Path) -> None:
    answer = Bench().handle(Load("a", str(tmp_path)))
    assert isinstance(answer, Failed)
    assert answer.kind == "BundleError"
    assert str(tmp_path) in answer.message


def test_a_failure_is_told_without_its_words(mood_bundle: Path) -> None:
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
