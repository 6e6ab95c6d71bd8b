from __future__ import annotations

import numpy as np
import pytest

from data.labelled import LabelledText
from data.taxonomy.schema import Head, Label
from tests.conftest import three_trees, two_labels
from training.encoder.config import LossConfig
from training.encoder.targets import head_targets, membership

PLAIN = LossConfig(smoothing=0, alternatives=0.2, parents=0, balance=0)
TREE = three_trees()[0]["where"]  # N (N1 N2), S (S1 S2)
FLAT = two_labels()[0]["mood"]
NODES = [label.code for label in TREE.labels]


def text(code: str | None, *others: str, head: str = "where") -> LabelledText:
    labels = {} if code is None else {head: code}
    return LabelledText("1", "文", labels, {head: others} if others else {})


def weights(config: LossConfig, item: LabelledText) -> dict[str, float]:
    row = head_targets(TREE, [item], config).nodes[0]
    return {code: round(float(w), 4) for code, w in zip(NODES, row, strict=True) if abs(w) > 1e-7}


def test_membership_rolls_leaves_up() -> None:
    table = dict(zip(NODES, membership(TREE).tolist(), strict=True))
    assert table["N"] == [True, True, False, False]
    assert table["S2"] == [False, False, False, True]


def test_a_label_takes_all_weight() -> None:
    assert weights(PLAIN, text("N1")) == {"N1": 1.0}


def test_second_readings_share_what_the_label_gives_up() -> None:
    assert weights(PLAIN, text("N1", "N2", "S1")) == {"N1": 0.8, "N2": 0.1, "S1": 0.1}


def test_an_inner_node_may_be_the_label() -> None:
    found = head_targets(TREE, [text("N")], PLAIN)
    assert weights(PLAIN, text("N")) == {"N": 1.0}
    assert found.leaves[0].tolist() == [0.5, 0.5, 0, 0]
    assert found.gold.tolist() == [-1]


def test_smoothing_spreads_over_leaves_only() -> None:
    found = weights(LossConfig(smoothing=0.2, parents=0, balance=0), text("N1"))
    assert found == {"N1": 0.85, "N2": 0.05, "S1": 0.05, "S2": 0.05}


def test_ancestors_get_the_rolled_up_weight() -> None:
    found = weights(LossConfig(smoothing=0, parents=0.5, balance=0), text("N1", "S1"))
    assert found == {"N1": 0.8, "S1": 0.2, "N": 0.4, "S": 0.1}


def test_a_text_without_a_label_weighs_nothing() -> None:
    found = head_targets(TREE, [text(None), text("N1")], LossConfig())
    assert found.weight.tolist() == [0, 1]
    assert not found.nodes[0].any()
    assert found.gold.tolist() == [-1, 0]


@pytest.mark.parametrize(("balance", "ratio"), [(0.0, 1.0), (0.5, 2.0), (1.0, 4.0)])
def test_rare_labels_weigh_more(balance: float, ratio: float) -> None:
    texts = [text("good", head="mood")] * 4 + [text("bad", head="mood")]
    weight = head_targets(FLAT, texts, LossConfig(balance=balance)).weight
    assert weight[-1] / weight[0] == pytest.approx(ratio)
    assert weight.mean() == pytest.approx(1.0)


def test_flat_heads_have_no_ancestors() -> None:
    head = Head("mood", "flat", "", (Label("a", "a"), Label("b", "b")))
    found = head_targets(head, [text("a", head="mood")], LossConfig(smoothing=0))
    np.testing.assert_array_equal(found.nodes, [[1, 0]])
