from __future__ import annotations

import math

import numpy as np
import pytest

from eval.significance import Resampling, Sample, Weights, mcnemar, p_worse, resample
from eval.weighted import mean


def names(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def test_mcnemar_agrees_with_the_binomial() -> None:
    stats = pytest.importorskip("scipy.stats", reason="the reference implementation")
    for lost, won in ((0, 0), (1, 0), (3, 9), (9, 3), (20, 20), (5, 40)):
        if lost + won:
            exact = stats.binomtest(lost, lost + won).pvalue
            assert mcnemar(lost, won) == pytest.approx(exact)
            one_sided = stats.binomtest(lost, lost + won, alternative="greater").pvalue
            assert p_worse(lost, won) == pytest.approx(one_sided)
    assert mcnemar(0, 0) == p_worse(0, 0) == 1.0
    large = stats.binomtest(400, 900).pvalue
    assert mcnemar(400, 500) == pytest.approx(large, rel=0.05)
    assert 0 < p_worse(3000, 10) < 1e-300 or p_worse(3000, 10) == 0.0


def test_the_difference_of_equals_is_nothing() -> None:
    right = np.random.default_rng(1).uniform(size=200) < 0.7
    measures = {side: lambda w: {"accuracy": mean(right, w)} for side in ("one", "other")}
    found = resample(measures, Resampling.of(names(200), draws=50))
    gap = found["one/accuracy"].minus(found["other/accuracy"]).figure()
    assert gap is not None
    assert (gap.low, gap.value, gap.high) == (0.0, 0.0, 0.0)


def test_a_paired_difference_is_known_better_than_an_unpaired_one() -> None:
    random = np.random.default_rng(2)
    hard = random.uniform(size=400) < 0.5
    one = hard | (random.uniform(size=400) < 0.1)
    other = hard | (random.uniform(size=400) < 0.02)
    measures = {
        "one": lambda w: {"accuracy": mean(one, w)},
        "other": lambda w: {"accuracy": mean(other, w)},
    }
    found = resample(measures, Resampling.of(names(400), draws=400))
    gap = found["one/accuracy"].minus(found["other/accuracy"]).figure()
    alone = found["one/accuracy"].figure()
    assert gap is not None
    assert alone is not None
    assert gap.low > 0
    assert gap.high - gap.low < 0.7 * (alone.high - alone.low)


def test_texts_of_one_event_are_drawn_together() -> None:
    events = [str(i // 10) for i in range(200)]
    for weights in Resampling.of(events, draws=5):
        assert weights.sum() == 200
        assert all(len(set(weights[i : i + 10])) == 1 for i in range(0, 200, 10))


def test_dependent_texts_widen_the_interval() -> None:
    right = np.repeat(np.random.default_rng(3).uniform(size=30) < 0.6, 10)
    measure = {"m": lambda w: {"accuracy": mean(right, w)}}
    apart = resample(measure, Resampling.of(names(300), 300))["m/accuracy"].figure()
    events = [str(i // 10) for i in range(300)]
    together = resample(measure, Resampling.of(events, 300))["m/accuracy"].figure()
    assert apart is not None
    assert together is not None
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    held = 0
    for seed in range(60):
        right = random.uniform(size=150) < 0.7

        def measure(w: Weights, right: object = right) -> dict[str, float]:
            return {"a": mean(np.asarray(right), w)}

        figure = resample({"m": measure}, Resampling.of(names(150), 200, seed))["m/a"].figure()
        assert figure is not None
        held += figure.low <= 0.7 <= figure.high
    assert held >= 51


def test_what_is_not_there_has_no_figure() -> None:
    assert Sample(math.nan, np.array([math.nan])).figure() is None
    lone = Sample(0.5, np.array([math.nan])).figure()
    assert lone is not None
    assert (lone.low, lone.high) == (0.5, 0.5)
