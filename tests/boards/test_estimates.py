"""Intervals and tails against scipy, and the rules of the boards' arithmetic."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from data.errors import InputError
from serving.boards.epoch import day_number, day_of, local_seconds
from serving.boards.estimates import (
    discoveries,
    exceedance,
    expected_range,
    stability,
    t95,
    weighted,
    wilson,
)
from serving.boards.hotspots import baseline
from serving.boards.period import Period, around, parse

stats = pytest.importorskip("scipy.stats", reason="compared with scipy")


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 11, 30, 200])
def test_students_quantile(freedom: int) -> None:
    assert t95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=2e-3)


@pytest.mark.parametrize(("count", "mean"), [(5, 1.0), (30, 12.5), (3, 8.0), (400, 300.0)])
def test_poisson_tail(count: int, mean: float) -> None:
    expected = stats.poisson.sf(count - 1, mean)
    assert exceedance(count, mean, mean) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("count", "mean", "variance"), [(9, 2.0, 5.0), (60, 30.0, 90.0), (4, 9.0, 30.0)]
)
def test_negative_binomial_tail(count: int, mean: float, variance: float) -> None:
    size = mean**2 / (variance - mean)
    expected = stats.nbinom.sf(count - 1, size, size / (size + mean))
    assert exceedance(count, mean, variance) == pytest.approx(expected, rel=1e-5)
    low, high = expected_range(mean, variance)
    assert low == stats.nbinom.ppf(0.025, size, size / (size + mean))
    assert high == stats.nbinom.ppf(0.975, size, size / (size + mean))


def test_wilson_of_nothing_says_nothing() -> None:
    assert math.isnan(wilson(0, 0).value)
    assert wilson(0, 10).high == pytest.approx(0.2775, abs=1e-3)


def test_false_alarms_are_kept_down_over_all_that_was_tried() -> None:
    p_values = [0.001, 0.02, 0.03, 0.5]
    assert discoveries(p_values, 0.05) == [True, True, True, False]
    assert discoveries(p_values, 0.05, tests=1000) == [False] * 4


def test_weighting_undoes_an_uneven_draw() -> None:
    hits = np.array([True] * 10 + [False] * 10)
    inclusion = np.array([0.5] * 10 + [0.05] * 10)
    found = weighted(hits, inclusion)
    assert found.value == pytest.approx(20 / 220)
    assert found.low < found.value < found.high
    assert weighted(hits, np.full(20, 0.3)).value == 0.5


def test_noise_is_no_hot_spot() -> None:
    """Of cells that only scatter as Poisson does, hardly any is believed."""
    rng = np.random.default_rng(3)
    rows = rng.poisson(8, size=(800, 9))
    tried = [(row[0], *baseline(tuple(row[1:].tolist()))) for row in rows]
    p_values = [exceedance(int(n), mean, variance) for n, mean, variance in tried]
    assert sum(discoveries(p_values, 0.05)) <= 3


def test_a_surge_stands_out_even_of_a_cell_that_was_empty() -> None:
    mean, variance = baseline((0, 0, 0, 0, 0, 0, 0, 1))
    assert exceedance(8, mean, variance) < 1e-6
    mean, variance = baseline((10, 12, 9, 11, 10, 8, 11, 10))
    assert exceedance(30, mean, variance) < 1e-4
    assert exceedance(13, mean, variance) > 0.05


def test_one_wild_week_does_not_hide_the_next() -> None:
    mean, _ = baseline((10, 90, 9, 11, 10, 8, 11, 10))
    assert mean == 10.0


def test_the_same_shares_are_stable() -> None:
    assert stability(np.array([100, 300]), np.array([10, 30])) < 0.01
    assert stability(np.array([100, 300]), np.array([30, 10])) > 0.25


@pytest.mark.parametrize(
    ("name", "first", "end", "before", "last_year"),
    [
        ("2026Q1", "2026-01-01", "2026-04-01", "2025Q4", "2025Q1"),
        ("2026", "2026-01-01", "2027-01-01", "2025", "2025"),
        ("2026-12", "2026-12-01", "2027-01-01", "2026-11", "2025-12"),
        (
            "2026-03-01..2026-03-10",
            "2026-03-01",
            "2026-03-11",
            "2026-02-19..2026-02-28",
            "2025-03-01..2025-03-10",
        ),
    ],
)
def test_periods(name: str, first: str, end: str, before: str, last_year: str) -> None:
    period = parse(name)
    assert (period.first.isoformat(), period.end.isoformat()) == (first, end)
    assert period.before().name == before
    assert period.last_year().name == last_year
    assert period.name == name


@pytest.mark.parametrize("name", ["", "2026Q5", "2026-13", "2026-02-30..2026-03-01", "last"])
def test_what_is_no_period_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        parse(name)


def test_leap_days_have_a_year_before() -> None:
    assert parse("2024-02-29..2024-02-29").last_year().first == date(2023, 2, 28)
    period: Period = around(date(2024, 2, 29), "quarter")
    assert period.months()[1].title == "2024年2月"


def test_local_days_follow_the_zone_even_where_clocks_change() -> None:
    for zone in (ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")):
        moments = [
            datetime(2026, month, 1, hour, 59, 59, tzinfo=UTC)
            for month in range(1, 13)
            for hour in (3, 4, 15, 16)
        ]
        values = np.array([int(at.timestamp()) for at in moments], dtype=np.int64)
        days = local_seconds(values, zone) // 86_400
        assert [day_of(int(day)) for day in days] == [at.astimezone(zone).date() for at in moments]
    assert day_number(date(1970, 1, 2)) == 1
