from __future__ import annotations

import pytest

from serving.engine.capacity import Capacity


def test_the_limit_is_deadline_times_capacity() -> None:
    capacity = Capacity(2, 140.0)
    assert capacity.limit(0.5) == 70
    assert capacity.limit(0.001) == 2
    assert Capacity(2, 140.0, promised=0.5).limit(0.5) == 35


def test_it_follows_what_is_measured_under_full_load() -> None:
    capacity = Capacity(2, 140.0)
    for _ in range(200):
        capacity.observe(0.1, all_busy=True)
    assert capacity.per_second == pytest.approx(20.0, rel=0.01)
    for _ in range(200):
        capacity.observe(0.01, all_busy=True)
    assert capacity.per_second == pytest.approx(200.0, rel=0.02)


def test_texts_that_run_alone_promise_nothing() -> None:
    capacity = Capacity(2, 140.0)
    capacity.observe(0.0001, all_busy=False)
    assert capacity.per_second == pytest.approx(140.0)


def test_one_slow_text_does_not_close_the_door() -> None:
    capacity = Capacity(2, 100.0)
    capacity.observe(0.4, all_busy=True)
    assert capacity.per_second > 40.0


def test_it_can_be_measured_anew() -> None:
    capacity = Capacity(2, 1.0)
    capacity.reset(300.0)
    assert capacity.per_second == pytest.approx(300.0)
