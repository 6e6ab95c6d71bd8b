from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.text.normalise import normalise
from model.classifier import Prediction
from serving.triage.decide import decide
from tests.triage.build import (
    complaint,
    decided,
    head_prediction,
    policy,
    prediction,
    taxonomy,
)


def reasons(text: str = "年费为什么扣了", answer: Prediction | None = None) -> set[str]:
    return set(decided(text, answer).review.reasons)


def test_a_sure_answer_needs_nobody() -> None:
    review = decided().review
    assert (review.needed, review.reasons, review.priority) == (False, (), 0.0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (prediction(unsure=("reason",)), "low_confidence:reason"),
        (prediction(truncated=True), "truncated"),
        (prediction(unknown_rate=0.5), "unknown_words"),
        (prediction(novelty=0.99), "novel"),
        (prediction(product="B0302"), "backed_off:product"),
        (prediction(urgency="II"), "rule_model_disagreement"),
        (prediction(urgency="I"), "urgent"),
    ],
)
def test_reasons(answer: Prediction, reason: str) -> None:
    assert reasons(answer=answer) >= {reason}


def test_a_close_second_is_ambiguous() -> None:
    head = taxonomy()["reason"]
    close = head_prediction(head, "C03", 0.5, second="C07", margin=0.02)
    answer = prediction()
    answer = replace(answer, heads={**answer.heads, "reason": close})
    assert reasons(answer=answer) == {"ambiguous:reason"}


def test_a_fair_chance_of_more_urgency_is_looked_at() -> None:
    head = taxonomy()["urgency"]
    for shares, expected in (
        ([0.02, 0.2, 0.68, 0.1], {"maybe_more_urgent"}),
        ([0.01, 0.04, 0.5, 0.45], set()),
    ):
        answer = prediction()
        unsure = replace(answer.heads["urgency"], probabilities=np.array(shares, dtype=np.float32))
        answer = replace(answer, heads={**answer.heads, head.name: unsure}, unsure=(head.name,))
        assert reasons(answer=answer) == expected
        # A rule that raised the level has answered the question.
        assert "maybe_more_urgent" not in reasons("我要起诉你们", answer)


def test_rules_far_above_the_model_disagree() -> None:
    assert "rule_model_disagreement" in reasons("我要跳楼", prediction(urgency="III"))
    assert "rule_model_disagreement" in reasons("我要起诉你们", prediction(urgency="IV"))
    assert "rule_model_disagreement" not in reasons("我要起诉你们", prediction(urgency="III"))


def test_a_rule_supports_the_model() -> None:
    assert "rule_model_disagreement" not in reasons("我要起诉你们", prediction(urgency="II"))


def test_level_one_is_always_seen() -> None:
    assert "urgent" in reasons("我要跳楼", prediction(urgency="I"))


def test_the_audit_sample_is_a_share_and_stays_the_same() -> None:
    text = normalise("年费为什么扣了")

    def sampled(key: str) -> bool:
        decision = decide(complaint(), text, prediction(), policy(), taxonomy(), audit_key=key)
        return "audit_sample" in decision.review.reasons

    drawn = [sampled(f"case-{number}") for number in range(2000)]
    assert 0.01 < sum(drawn) / len(drawn) < 0.03
    assert drawn[:50] == [sampled(f"case-{number}") for number in range(50)]


def test_without_a_key_the_text_is_the_key() -> None:
    def drawn(text: str) -> tuple[str, ...]:
        case = complaint(text)
        return decide(case, normalise(text), prediction(), policy(), taxonomy()).review.reasons

    texts = [f"第{number}号柜台" for number in range(600)]
    sampled = [text for text in texts if "audit_sample" in drawn(text)]
    assert 0 < len(sampled) < 60
    assert all("audit_sample" in drawn(text) for text in sampled)
    assert drawn("\ud800") is not None


def test_priority_mixes_urgency_and_doubt() -> None:
    def priority(text: str, confidence: float) -> float:
        answer = prediction(confidence=confidence, unsure=("reason",))
        return decided(text, answer).review.priority

    assert priority("我要跳楼", 0.9) > priority("我要起诉你们", 0.9) > priority("年费", 0.9)
    assert priority("年费", 0.4) > priority("年费", 0.9)
    assert 0.0 <= priority("年费", 1.0) <= priority("我要跳楼", 0.0) <= 1.0
