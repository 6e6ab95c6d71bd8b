from __future__ import annotations

import io

import numpy as np
import pytest

from data.errors import BundleError
from model.encoder.novelty import Novelty


def cloud(count: int, seed: int) -> np.ndarray:
    scale = np.linspace(0.1, 3.0, 8)
    return np.random.default_rng(seed).normal(0, scale, (count, 8)).astype(np.float32)


def test_held_out_texts_are_typical_and_far_ones_are_not() -> None:
    novelty = Novelty.fit(cloud(2_000, 1), cloud(2_000, 2))
    scores = np.array([novelty.score(row) for row in cloud(2_000, 3)])
    assert np.median(scores) == pytest.approx(0, abs=0.05)
    assert 0.98 < (scores < 1).mean() < 1
    far = np.zeros(8, dtype=np.float32)
    far[0] = 3.0  # ten times its spread, though small beside the widest direction
    assert novelty.score(far) > 1


def test_it_survives_being_stored() -> None:
    novelty = Novelty.fit(cloud(300, 1), cloud(300, 2))
    loaded = Novelty.load(io.BytesIO(novelty.dump()))
    assert loaded.score(cloud(1, 4)[0]) == novelty.score(cloud(1, 4)[0])


def test_directions_never_seen_do_not_explode() -> None:
    flat = cloud(200, 1)
    flat[:, 3] = 0
    novelty = Novelty.fit(flat, flat)
    moved = flat[0].copy()
    moved[3] = 0.01
    assert novelty.score(moved) < novelty.score(flat[0]) + 0.1


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(BundleError, match="at least two"):
        Novelty.fit(cloud(1, 1), cloud(5, 2))


def test_a_missing_array_is_named() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, mean=np.zeros(2))
    buffer.seek(0)
    with pytest.raises(BundleError, match="scales"):
        Novelty.load(buffer)
