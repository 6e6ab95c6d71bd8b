from __future__ import annotations

import numpy as np
import pytest

from eval.metrics import (
    bootstrap,
    calibration_error,
    class_scores,
    confusions,
    kappa,
    macro_f1,
    mean_figure,
)


def test_class_scores_by_hand() -> None:
    scores = class_scores(list("aaab"), list("aabb"))
    assert scores["a"].support == 3
    assert scores["a"].precision == 1.0
    assert scores["a"].recall == pytest.approx(2 / 3)
    assert scores["b"].precision == 0.5
    assert scores["b"].f1 == pytest.approx(2 / 3)


def test_macro_f1_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the reference implementation")
    random = np.random.default_rng(1)
    gold, predicted = random.integers(0, 6, 300), random.integers(0, 8, 300)
    expected = metrics.f1_score(
        gold, predicted, average="macro", labels=np.unique(gold), zero_division=0
    )
    assert macro_f1(gold, predicted) == pytest.approx(expected)


def test_kappa_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the reference implementation")
    random = np.random.default_rng(2)
    first = [str(x) for x in random.integers(0, 4, 200)]
    second = [a if random.uniform() < 0.7 else "0" for a in first]
    assert kappa(first, second) == pytest.approx(metrics.cohen_kappa_score(first, second))
    assert kappa(["a", "a"], ["a", "a"]) == 1.0


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        figure = mean_figure(random.uniform(size=200) < 0.7)
        held += figure.low <= 0.7 <= figure.high
    assert held >= 52


def test_bootstrap_is_repeatable() -> None:
    values = np.arange(50.0)
    first, second = (bootstrap(50, lambda rows: float(values[rows].mean())) for _ in range(2))
    assert first == second
    assert first.low < first.value < first.high


def test_calibration_error() -> None:
    confidence = np.repeat(np.array([0.2, 0.8], dtype=np.float32), 500)
    right = np.array(([True] + [False] * 4) * 100 + ([True] * 4 + [False]) * 100)
    assert calibration_error(confidence, right) < 0.02
    assert calibration_error(confidence, ~right) == pytest.approx(0.6, abs=0.02)


def test_confusions_are_the_wrong_pairs_only() -> None:
    assert confusions(list("aabb"), list("abba")) == [("a", "b", 1), ("b", "a", 1)]
