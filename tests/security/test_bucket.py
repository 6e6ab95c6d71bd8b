from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.security.bucket import Buckets, RateLimitError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_minute_s_worth_at_once_then_one_by_one(clock: Clock) -> None:
    buckets = Buckets(clock)
    for _ in range(60):
        buckets.charge("k", 60, 1)
    with pytest.raises(RateLimitError) as caught:
        buckets.charge("k", 60, 1)
    assert caught.value.status == 429
    assert caught.value.retry_after == pytest.approx(1.0)
    clock.now += 1.0
    buckets.charge("k", 60, 1)
    with pytest.raises(RateLimitError):
        buckets.charge("k", 60, 1)


def test_a_refusal_costs_nothing(clock: Clock) -> None:
    buckets = Buckets(clock)
    buckets.charge("k", 10, 6)
    with pytest.raises(RateLimitError):
        buckets.charge("k", 10, 5)
    buckets.charge("k", 10, 4)


def test_a_batch_larger_than_the_bucket_passes_once_and_is_waited_off(clock: Clock) -> None:
    buckets = Buckets(clock)
    buckets.charge("k", 60, 180)
    with pytest.raises(RateLimitError) as caught:
        buckets.charge("k", 60, 1)
    assert caught.value.retry_after == pytest.approx(121.0)
    clock.now += 121
    buckets.charge("k", 60, 1)


def test_keys_do_not_share(clock: Clock) -> None:
    buckets = Buckets(clock)
    buckets.charge("a", 1, 1)
    buckets.charge("b", 1, 1)
    buckets.charge("free", None, 10_000)


def test_a_changed_rate_holds_at_once(clock: Clock) -> None:
    buckets = Buckets(clock)
    buckets.charge("k", 1, 1)
    buckets.charge("k", 5, 5)
    with pytest.raises(RateLimitError):
        buckets.charge("k", 5, 1)


@given(
    st.integers(1, 600),
    st.lists(st.tuples(st.floats(-5, 30), st.integers(1, 300)), min_size=1, max_size=60),
)
def test_over_any_time_no_more_passes_than_the_rate(
    rate: int, steps: list[tuple[float, int]]
) -> None:
    clock = Clock()
    buckets = Buckets(clock)
    passed, highest, elapsed = 0, 0, 0.0
    for wait, texts in steps:
        clock.now += wait
        elapsed += max(0.0, wait)
        with suppress(RateLimitError):
            buckets.charge("k", rate, texts)
            passed, highest = passed + texts, max(highest, texts)
    # A minute's worth to begin with, and one batch's debt at the end.
    assert passed <= rate + rate / 60 * elapsed + highest + 1e-6
