"""Every weighted metric: against scikit-learn, and weights against repeated texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from eval import metrics, weighted

LEVELS = 4
Ints = NDArray[np.intp]


def drawn(seed: int, n: int = 300) -> tuple[Ints, Ints]:
    random = np.random.default_rng(seed)
    gold = random.integers(0, LEVELS, n)
    answers = np.where(random.uniform(size=n) < 0.6, gold, random.integers(0, LEVELS, n))
    return gold.astype(np.intp), answers.astype(np.intp)


def test_f1_and_kappa_agree_with_scikit_learn() -> None:
    reference = pytest.importorskip("sklearn.metrics", reason="the reference implementation")
    gold, answers = drawn(1)
    weights = np.random.default_rng(2).integers(0, 4, len(gold)).astype(float)
    found = weighted.f1_scores(gold, answers, weights)
    for name in ("macro", "micro", "weighted"):
        expected = reference.f1_score(
            gold, answers, average=name, sample_weight=weights, labels=range(LEVELS)
        )
        assert found[f"{name}_f1"] == pytest.approx(expected)
    assert weighted.quadratic_kappa(gold, answers, LEVELS, weights) == pytest.approx(
        reference.cohen_kappa_score(gold, answers, weights="quadratic", sample_weight=weights)
    )


def test_plain_weights_give_the_plain_metrics() -> None:
    gold, answers = drawn(3)
    ones = np.ones(len(gold))
    assert weighted.f1_scores(gold, answers, ones)["macro_f1"] == pytest.approx(
        metrics.macro_f1(gold, answers)
    )
    confidence = np.sort(np.random.default_rng(4).uniform(size=len(gold)))
    right = gold == answers
    assert weighted.calibration_error(confidence, right, ones) == pytest.approx(
        metrics.calibration_error(confidence.astype(np.float32), right), abs=1e-6
    )


@given(st.lists(st.integers(0, 3), min_size=8, max_size=40), st.integers(0, 99))
def test_a_weight_is_a_text_that_stands_there_so_often(counts: list[int], seed: int) -> None:
    gold, answers = drawn(seed, len(counts))
    confidence = np.sort(np.random.default_rng(seed).uniform(size=len(counts)).round(1))
    weights, rows = np.array(counts, float), np.repeat(np.arange(len(counts)), counts)
    ones, right = np.ones(len(rows)), gold == answers

    def figures(g: Ints, a: Ints, c: NDArray[np.float64], w: NDArray[np.float64]) -> list[float]:
        coverage, risk, _ = weighted.risk_coverage(c, g == a, w)
        return [
            weighted.mean(g == a, w),
            weighted.area_under_risk(coverage, risk),
            weighted.coverage_at(coverage, risk, 0.7),
            weighted.quadratic_kappa(g, a, LEVELS, w),
            weighted.ratio(g == a, g > 0, w),
        ]

    if not len(rows):
        assert np.isnan(weighted.mean(right, weights))
        return
    one = figures(gold, answers, confidence, weights)
    other = figures(gold[rows], answers[rows], confidence[rows], ones)
    assert one == pytest.approx(other, nan_ok=True)


def test_risk_and_coverage_by_hand() -> None:
    confidence = np.array([0.2, 0.5, 0.5, 0.9])
    right = np.array([False, True, False, True])
    coverage, risk, threshold = weighted.risk_coverage(confidence, right, np.ones(4))
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0.0, 1 / 3, 0.5])
    assert threshold.tolist() == [0.9, 0.5, 0.2]
    assert weighted.area_under_risk(coverage, risk) == pytest.approx(0.5 / 3 + 0.25 * 0.5)
    assert weighted.coverage_at(coverage, risk, 0.6) == 0.75
    assert weighted.coverage_at(coverage, risk, 0.9) == 0.25
    assert weighted.coverage_at(coverage[1:], risk[1:], 0.9) == 0.0


def test_a_calibration_error_is_seen() -> None:
    confidence = np.sort(np.random.default_rng(5).uniform(0.5, 1, 2000))
    honest = np.random.default_rng(6).uniform(size=2000) < confidence
    ones = np.ones(2000)
    assert weighted.calibration_error(confidence, honest, ones) < 0.05
    assert weighted.calibration_error(np.sqrt(confidence), honest, ones) > 0.08
