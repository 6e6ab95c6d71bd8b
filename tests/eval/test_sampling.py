"""Estimates from unequal probabilities: right on average, with intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from eval.sampling import hajek, total


def draws(
    chosen: int, audited: int, rounds: int
) -> tuple[np.ndarray, list[tuple[list[float], list[float]]]]:
    """A population of 400 with the least likely right chosen for certain, the rest audited."""
    random = np.random.default_rng(7)
    right = np.r_[random.random(chosen) < 0.3, random.random(400 - chosen) < 0.8].astype(float)
    samples = []
    for _ in range(rounds):
        rest = chosen + random.choice(400 - chosen, audited, replace=False)
        probabilities = [1.0] * chosen + [audited / (400 - chosen)] * audited
        samples.append((right[np.r_[np.arange(chosen), rest]].tolist(), probabilities))
    return right, samples


def test_selected_and_audited_together_estimate_the_pool() -> None:
    right, samples = draws(chosen=60, audited=20, rounds=600)
    found = [hajek(values, probabilities) for values, probabilities in samples]
    assert np.mean([f.value for f in found]) == pytest.approx(right.mean(), abs=0.01)
    # What forgets how the texts were chosen is far off.
    naive = np.mean([np.mean(values) for values, _ in samples])
    assert naive < right.mean() - 0.2
    held = np.mean([f.low <= right.mean() <= f.high for f in found])
    assert held >= 0.93


@pytest.mark.parametrize("n", [2, 3, 5, 25])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
def test_intervals_hold_however_few_were_drawn(n: int, share: float) -> None:
    random = np.random.default_rng(5)
    right = (np.arange(200) < 200 * share).astype(float)
    found = [
        hajek(random.choice(right, n, replace=False).tolist(), [n / 200] * n) for _ in range(300)
    ]
    assert np.mean([f.low <= share <= f.high for f in found]) > 0.91


def test_totals_are_unbiased() -> None:
    right, samples = draws(chosen=10, audited=15, rounds=600)
    assert np.mean([total(v, p) for v, p in samples]) == pytest.approx(right.sum(), rel=0.02)


def test_certain_items_have_no_sampling_error() -> None:
    found = hajek([1.0, 0.0, 1.0, 1.0], [1.0] * 4)
    assert (found.value, found.low, found.high, found.population) == (0.75, 0.75, 0.75, 4.0)


def test_a_small_sample_that_is_all_right_is_not_certain() -> None:
    found = hajek([1.0] * 10, [0.02] * 10)
    assert found.value == 1.0
    assert found.low < 0.9


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([1.0, 0.5, 0.1])), min_size=1)
)
def test_a_share_stays_a_share(items: list[tuple[float, float]]) -> None:
    found = hajek([value for value, _ in items], [p for _, p in items])
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@pytest.mark.parametrize("probabilities", [[0.0], [1.2], [float("nan")], []])
def test_what_is_no_probability_is_refused(probabilities: list[float]) -> None:
    with pytest.raises(InputError, match="inclusion_probability"):
        hajek([1.0], probabilities)
