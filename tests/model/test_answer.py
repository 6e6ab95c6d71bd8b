from __future__ import annotations

import numpy as np
import pytest

from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model.answer import HeadCalibration, answer_head, choose, probabilities, spans_of
from tests.conftest import three_trees


def test_probabilities_sum_to_one_and_temperature_softens() -> None:
    logits = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    cold = probabilities(logits, HeadCalibration(temperature=0.5))
    warm = probabilities(logits, HeadCalibration(temperature=2.0))
    assert np.allclose(cold.sum(-1), 1)
    assert cold[0, 0] > warm[0, 0] > 1 / 3
    assert np.allclose(warm[1], 1 / 3)


def test_bias_shifts_the_prior() -> None:
    logits = np.zeros((1, 2), dtype=np.float32)
    shifted = probabilities(logits, HeadCalibration(bias=(float(np.log(3)), 0.0)))
    assert np.allclose(shifted, [[0.75, 0.25]])


@pytest.mark.parametrize(
    ("probs", "backoff", "code"),
    [
        ([0.7, 0.1, 0.1, 0.1], 0.5, "N1"),
        ([0.4, 0.3, 0.2, 0.1], 0.5, "N"),
        ([0.3, 0.25, 0.25, 0.2], 0.6, "N"),
        ([0.4, 0.3, 0.2, 0.1], 0.3, "N1"),
    ],
)
def test_a_tree_backs_off_to_the_deepest_sure_node(
    probs: list[float], backoff: float, code: str
) -> None:
    head = three_trees()[0]["where"]
    chosen, p = choose(head, np.array(probs, dtype=np.float32), backoff)
    assert chosen == code
    assert p == pytest.approx(sum(probs[i] for i in head.leaves_under[code]))


def test_flat_heads_never_back_off(taxonomy: Taxonomy) -> None:
    head = taxonomy["reason"]
    probs = np.full(13, 1 / 13, dtype=np.float32)
    assert choose(head, probs, 0.9)[0] == "C01"


def test_an_answer_lists_the_next_leaves(taxonomy: Taxonomy) -> None:
    head = taxonomy["urgency"]
    logits = np.array([0.0, 3.0, 2.0, 1.0], dtype=np.float32)
    answer = answer_head(head, logits, HeadCalibration(), (), top_k=2)
    assert (answer.code, answer.leaf, answer.backed_off) == ("II", "II", False)
    assert [code for code, _ in answer.alternatives] == ["III", "IV"]
    assert answer.margin == pytest.approx(answer.confidence - answer.alternatives[0][1], abs=1e-6)


def test_spans_are_on_the_original_text() -> None:
    original = "  ＡＢＣ銀行亂扣錢，煩死了"
    text = normalise(original)
    shares = [1.0 if char in "乱扣钱" else 0.0 for char in text.text]
    (span,) = spans_of(text, shares)
    assert original[span.start : span.end] == span.text == "亂扣錢"
    assert span.weight == pytest.approx(3.0)


def test_spans_do_not_cross_sentences() -> None:
    text = normalise("扣钱。扣钱")
    spans = spans_of(text, [1.0] * len(text.text))
    assert [(span.start, span.end) for span in spans] == [(0, 2), (3, 5)]


def test_no_evidence_where_nothing_speaks_for_a_label() -> None:
    assert spans_of(normalise("你好"), [-1.0, 0.0]) == ()
