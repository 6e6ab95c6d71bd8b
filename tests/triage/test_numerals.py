from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.triage.numerals import parse

CASES = {
    "5": 5,
    "58,000": 58000,
    "2.3万": 23000,
    "5w": 50000,
    "1.5w": 15000,
    "8k": 8000,
    "3千": 3000,
    "两千": 2000,
    "五万八": 58000,
    "三百五": 350,
    "3万5": 35000,
    "3万5千": 35000,
    "一万零五": 10005,
    "一百零五": 105,
    "十": 10,
    "十五": 15,
    "二十": 20,
    "三十多": 30,
    "30余": 30,
    "十几": 11,
    "十几万": 110000,
    "几十": 30,
    "几十万": 300000,
    "数十": 30,
    "一百来": 100,
    "十来万": 100000,
    "两三": 2,
    "三五": 3,
    "二三十": 20,
    "三四百": 300,
    "十二三": 12,
    "十万八千": 108000,
    "三千万": 30_000_000,
    "1亿2千万": 120_000_000,
    "三万亿": 3e12,
    "壹万贰仟": 12000,
    "二零二三": 2023,
    "百": 100,
    "万": 10000,
}


@pytest.mark.parametrize(("run", "value"), CASES.items())
def test_reads(run: str, value: float) -> None:
    assert parse(run) == pytest.approx(value)


@pytest.mark.parametrize("run", ["", ",", "多", "abc", "元", "5.5.5", "3,5", "五5", "-3", "5 6"])
def test_refuses_what_is_not_one_number(run: str) -> None:
    assert parse(run) is None


@given(st.integers(min_value=0, max_value=10**9))
def test_reads_every_arabic_number(value: int) -> None:
    assert parse(str(value)) == value
    assert parse(f"{value:,}") == value


@given(st.integers(min_value=1, max_value=9999), st.sampled_from(["万", "w"]))
def test_magnitudes_multiply(value: int, unit: str) -> None:
    assert parse(f"{value}{unit}") == value * 10_000


@given(st.text(alphabet="0123456789一二三四五六七八九十百千万亿两几数零多来余,.wk", max_size=20))
def test_never_raises(run: str) -> None:
    value = parse(run)
    assert value is None or value >= 0
