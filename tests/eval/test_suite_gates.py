"""Gates one by one, on figures made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eval.metrics import Figure
from eval.suite.gates import Measured, judge
from eval.suite.result import (
    BehavioursResult,
    CapabilityResult,
    DecisionResult,
    GateResult,
    Leak,
    MetricResult,
    ModelResult,
    Operations,
)
from tests.eval.suite_kit import suite


def model(latency: float = 5.0, size: float = 10.0, variant: int = 0) -> ModelResult:
    operations = Operations(latency, 2 * latency, size, 64, variant, ("a",) * variant)
    return ModelResult("v", "k", "", "t", {}, {}, operations, Leak(9, 0, 0, (), 0))


def figure(value: float, champion: float, low: float, high: float) -> MetricResult:
    """`review_rate`, where lower is better; the difference lies in [low, high]."""
    return MetricResult(
        "review_rate",
        "lower",
        100,
        Figure(value, value, value),
        Figure(champion, champion, champion),
        Figure(value - champion, low, high),
    )


def measured(rate: MetricResult | None = None, **parts: Any) -> Measured:
    metrics = {"review_rate": rate} if rate else {}
    decisions = DecisionResult(100, "p", metrics, (), {}, {}, 0, ())
    given: dict[str, Any] = {
        "challenger": model(),
        "champion": model(),
        "behaviours": None,
        "served": None,
    }
    return Measured({}, decisions, (), **(given | parts))


def one(found: Measured, **gate: Any) -> GateResult:
    results = judge(found, suite(metric=[gate]))
    assert len(results) == 1
    return results[0]


@pytest.mark.parametrize(
    ("limit", "value", "low", "high", "status"),
    [
        ({"max_loss": 0.02}, 0.52, -0.01, 0.05, "passed"),
        ({"max_loss": 0.02}, 0.53, -0.01, 0.07, "failed"),
        ({"max_loss": 0.0}, 0.50, -0.01, 0.01, "passed"),
        ({"proven_loss": 0.02}, 0.60, 0.01, 0.19, "passed"),
        ({"proven_loss": 0.02}, 0.60, 0.03, 0.17, "failed"),
        ({"non_inferior": 0.02}, 0.50, -0.01, 0.03, "failed"),
        ({"non_inferior": 0.02}, 0.48, -0.05, 0.01, "passed"),
        ({"max": 0.55}, 0.60, 0.05, 0.15, "failed"),
        ({"max": 0.40}, 0.45, -0.1, 0.0, "passed"),
        ({"max": 0.40}, 0.52, -0.1, 0.1, "failed"),
        ({"max": 0.40, "min_texts": 101}, 0.52, 0, 0, None),
    ],
)
def test_a_loss_is_told_in_the_metrics_own_direction(
    limit: dict[str, Any], value: float, low: float, high: float, status: str | None
) -> None:
    found = judge(
        measured(figure(value, 0.5, low, high)), suite(metric=[{"metric": "review_rate", **limit}])
    )
    assert [gate.status for gate in found] == ([status] if status else [])


def test_each_limit_of_a_gate_is_a_gate() -> None:
    gate = {"metric": "review_rate", "max": 0.9, "max_loss": 0.0, "proven_loss": 0.1}
    found = judge(measured(figure(0.6, 0.5, 0.05, 0.15)), suite(metric=[gate]))
    assert [(each.rule, each.status) for each in found] == [
        ("≤ 0.9", "passed"),
        ("loss to champion ≤ 0", "failed"),
        ("proven loss to champion ≤ 0.1", "passed"),
    ]


def test_times_are_held_against_the_champions() -> None:
    slow = measured(challenger=model(latency=30.0))
    assert one(slow, metric="latency_ms", max_factor=2).status == "failed"
    assert one(slow, metric="latency_ms", max_factor=6).status == "passed"
    assert one(slow, metric="latency_ms", max_factor=2, pass_below=30).status == "passed"
    assert one(slow, metric="latency_ms", max=20, pass_below=50).status == "failed"
    assert one(measured(champion=None), metric="latency_ms", max_factor=2).status == "skipped"
    assert one(measured(), metric="size_mb", max=9).value == 10.0


def test_an_absolute_limit_of_the_bundle_is_never_waived() -> None:
    both = measured(challenger=model(variant=1), champion=model(variant=5))
    found = one(both, metric="variant", max=0)
    assert (found.status, found.examples) == ("failed", ("a",))
    assert one(measured(), metric="served_differing", max=0).status == "unknown"
    assert one(measured(), metric="served_differing", max=0, required=True).stops


def test_behaviours_are_held_by_type_and_capability() -> None:
    table = (
        CapabilityResult("数字", "MFT", 10, 9, 10),
        CapabilityResult("数字", "INV", 10, 5, 5),
        CapabilityResult("礼貌", "INV", 10, 10, 10),
    )
    done = BehavioursResult(30, 24, 0.8, 25 / 30, table, ())
    gates = [
        {"min": 0.75},
        {"type": "INV", "min": 0.8, "max_loss": 0.0},
        {"type": "MFT", "min": 0.95, "max_loss": 0.05},
        {"capability": "礼貌", "min": 1.0},
        {"type": "DIR", "min": 0.5},
    ]
    found = judge(measured(behaviours=done), suite(behaviour=gates))
    assert [(gate.where, gate.status) for gate in found] == [
        ("", "passed"),
        ("INV", "passed"),  # the champion misses it too
        ("INV", "passed"),
        ("MFT", "failed"),
        ("MFT", "failed"),
        ("礼貌", "passed"),
        ("DIR", "unknown"),
    ]
    alone = judge(measured(champion=None), suite(behaviour=gates[:1]))
    assert [gate.status for gate in alone] == ["unknown"]
    share = one(measured(behaviours=done), metric="behaviours", min=0.9)
    assert (share.status, share.value) == ("failed", 0.8)


def test_a_gate_reads_as_a_sentence() -> None:
    found = one(measured(figure(0.6, 0.5, 0.05, 0.15)), metric="review_rate", max_loss=0.01)
    assert str(found) == "review_rate is 0.6 (champion 0.5), expected loss to champion ≤ 0.01"
    assert found.stops
    assert not replace(found, status="unknown").stops
