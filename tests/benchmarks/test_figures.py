"""What is drawn from measurements."""

from __future__ import annotations

import random

import pytest

from benchmarks.rig.figures import Times, middle, trend


def test_quantiles_are_in_milliseconds() -> None:
    times = Times.of([i / 1000 for i in range(1, 101)])
    assert (times.count, times.p50, times.most) == (100, 50.5, 100.0)
    assert times.p95 < times.p99 < times.most
    assert Times.of([]).count == 0


def test_a_leak_is_told_from_noise() -> None:
    noise = random.Random(1)  # noqa: S311 - noise, not a secret
    seconds = [5.0 * i for i in range(360)]
    flat = trend(seconds, [300 + noise.gauss(0, 2) for _ in seconds])
    leak = trend(seconds, [300 + s / 60 * 0.5 + noise.gauss(0, 2) for s in seconds])
    assert flat.flat
    assert not leak.flat
    assert leak.slope == pytest.approx(0.5, abs=0.1)
    assert leak.low < leak.slope < leak.high


def test_the_middle_of_a_few_rounds() -> None:
    assert middle([3.0, 1.0, 2.0]) == {"median": 2.0, "least": 1.0, "most": 3.0}
