"""Kappa agrees with scikit-learn, and its interval covers what it should."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from serving.review.kappa import kappa_of


@pytest.mark.parametrize("seed", range(6))
def test_kappa_is_that_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = np.array(["a", "b", "c", "d"])
    first = codes[random.integers(0, 4, 80)]
    second = np.where(random.random(80) < 0.6, first, codes[random.integers(0, 4, 80)])
    found = kappa_of(list(first), list(second))
    assert found is not None
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert found.observed == pytest.approx((first == second).mean())
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.kappa < found.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    codes = np.array(["a", "b", "c"])
    population = codes[random.integers(0, 3, 200_000)]
    noise = codes[random.integers(0, 3, 200_000)]
    other = np.where(random.random(200_000) < 0.7, population, noise)
    truth = cohen_kappa_score(population, other)
    hits = 0
    for _ in range(300):
        rows = random.integers(0, 200_000, 120)
        found = kappa_of(list(population[rows]), list(other[rows]))
        assert found is not None
        hits += (found.low or -1) <= truth <= (found.high or 1)
    assert 0.91 <= hits / 300 <= 0.985


def test_nothing_to_compare_too_little_and_all_alike() -> None:
    assert kappa_of([], []) is None
    few = kappa_of(["a", "b"], ["a", "a"])
    assert few is not None
    assert (few.low, few.high) == (None, None)
    alike = kappa_of(["a", "b"] * 20, ["a", "b"] * 20)
    assert alike is not None
    assert (alike.kappa, alike.low) == (1.0, None)
    one = kappa_of(["a"] * 20, ["a"] * 20)
    assert one is not None
    assert one.kappa == 1.0
