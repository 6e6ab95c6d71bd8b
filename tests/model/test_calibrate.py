from __future__ import annotations

import numpy as np
import pytest

from data.taxonomy.schema import Taxonomy
from model.answer import HeadCalibration, probabilities
from model.calibrate import Promise, fit, review_threshold, temperature


def _drawn(true_temperature: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from softmax(logits / true_temperature)."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 4, (n, 4)).astype(np.float32)
    probs = probabilities(logits, HeadCalibration(temperature=true_temperature))
    return logits, np.array([random.choice(4, p=p / p.sum()) for p in probs.astype(float)])


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_temperature_is_found_again(true: float) -> None:
    logits, gold = _drawn(true)
    assert temperature(logits, gold) == pytest.approx(true, rel=0.1)


def test_the_promise_holds_on_fresh_texts() -> None:
    kept = used = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        confidence = random.uniform(0.3, 1.0, 6000).astype(np.float32)
        right = random.uniform(size=6000) < confidence
        threshold = review_threshold(confidence[:1000], right[:1000], Promise(0.9, 0.1))
        automatic = confidence[1000:] >= threshold
        used += bool(automatic.any())
        kept += not automatic.any() or bool(right[1000:][automatic].mean() >= 0.9)
    assert kept >= 17
    assert used >= 15


def test_nothing_goes_unreviewed_where_the_promise_cannot_be_kept() -> None:
    confidence = np.linspace(0.5, 1.0, 500, dtype=np.float32)
    assert review_threshold(confidence, np.zeros(500, dtype=bool), Promise()) == 1.0


def test_everything_goes_where_all_is_right() -> None:
    confidence = np.linspace(0.5, 1.0, 500, dtype=np.float32)
    assert review_threshold(confidence, np.ones(500, dtype=bool), Promise()) <= 0.5


def test_fit_gives_all_a_head_needs(taxonomy: Taxonomy) -> None:
    logits, gold = _drawn(2.0)
    fitted = fit(taxonomy["urgency"], logits, gold, Promise(0.8))
    assert fitted.temperature == pytest.approx(2.0, rel=0.1)
    assert 0 < fitted.backoff < 1
    assert 0 < fitted.review <= 1
