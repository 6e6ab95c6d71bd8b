from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the encoder needs suda[train]")

from data.labelled import LabelledText  # noqa: E402
from tests.training import encoder_kit as kit  # noqa: E402
from training.encoder.config import LossConfig  # noqa: E402
from training.encoder.losses import (  # noqa: E402
    GoldLoss,
    divergence,
    node_log_probabilities,
    rdrop,
    squared_emd,
)
from training.encoder.targets import membership, targets  # noqa: E402

TAXONOMY = kit.taxonomy()


def gold_loss(config: LossConfig, *texts: LabelledText) -> GoldLoss:
    return GoldLoss(targets(texts, TAXONOMY, config), TAXONOMY, config)


def test_a_nodes_probability_is_the_sum_of_its_leaves() -> None:
    head = TAXONOMY["where"]
    logits = torch.log(torch.tensor([[0.1, 0.2, 0.3, 0.4]]))
    found = node_log_probabilities(logits, torch.from_numpy(membership(head))).exp()[0].tolist()
    by_code = dict(zip((label.code for label in head.labels), found, strict=True))
    assert by_code == pytest.approx(
        {"N": 0.3, "N1": 0.1, "N2": 0.2, "S": 0.7, "S1": 0.3, "S2": 0.4}
    )


def test_the_rolled_up_loss_adds_the_parents_log_loss() -> None:
    text = LabelledText("1", "文", {"where": "N1"})
    config = LossConfig(smoothing=0, parents=0.5, balance=0)
    logits = {
        "where": torch.log(torch.tensor([[0.1, 0.2, 0.3, 0.4]])),
        "heat": torch.zeros(1, 3),
    }
    found = gold_loss(config, text)(logits, torch.tensor([0]))
    assert float(found) == pytest.approx(-math.log(0.1) - 0.5 * math.log(0.3), abs=1e-5)


def test_unlikely_nodes_keep_a_finite_gradient() -> None:
    text = LabelledText("1", "文", {"where": "N1"})
    logits = torch.tensor([[-200.0, -200.0, 0.0, 0.0]], requires_grad=True)
    loss = gold_loss(LossConfig(), text)(
        {"where": logits, "heat": torch.zeros(1, 3)}, torch.tensor([0])
    )
    torch.autograd.backward(loss.sum())
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 0] < 0


def test_the_ordinal_term_grows_with_distance() -> None:
    target = torch.tensor([[1.0, 0, 0]])
    near, far = (squared_emd(torch.tensor([row]), target) for row in ([0.0, 9, 0], [0.0, 0, 9]))
    assert float(far) > float(near) > 0
    assert float(squared_emd(torch.tensor([[99.0, 0, 0]]), target)) == pytest.approx(0)


def test_head_weights_scale_a_heads_share() -> None:
    text = LabelledText("1", "文", {"where": "N1", "heat": "I"})
    logits = {"where": torch.randn(1, 4), "heat": torch.randn(1, 3)}
    row = torch.tensor([0])
    whole, without = (
        gold_loss(LossConfig(heads=heads), text)(logits, row) for heads in ({}, {"heat": 0.0})
    )
    only = gold_loss(LossConfig(heads={"where": 0.0}), text)(logits, row)
    assert float(whole) == pytest.approx(float(without + only), abs=1e-5)


def test_divergence_is_zero_between_equals_and_positive_else() -> None:
    one, other = {"a": torch.randn(2, 3)}, {"a": torch.randn(2, 3)}
    assert divergence(one, one, 2.0).abs().max() < 1e-6
    assert (divergence(one, other, 2.0) > 0).all()


def test_rdrop_adds_what_two_passes_disagree_on() -> None:
    passes = iter([{"a": torch.tensor([[1.0, 0]])}, {"a": torch.tensor([[0.0, 1]])}] * 2)

    def forward() -> dict[str, Any]:
        return next(passes)

    def nothing(_: object) -> Any:
        return torch.zeros(1)

    assert float(rdrop(forward, nothing, 0.0)) == 0
    assert float(rdrop(forward, nothing, 2.0)) > 0
