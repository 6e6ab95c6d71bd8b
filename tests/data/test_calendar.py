from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.calendar import WorkCalendar, load
from data.errors import PolicyError

CALENDAR = WorkCalendar()


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 2, 14), True),  # Saturday worked before Spring Festival
        (date(2026, 2, 16), False),  # Spring Festival
        (date(2026, 2, 23), False),
        (date(2026, 2, 24), True),
        (date(2026, 2, 28), True),  # Saturday worked after it
        (date(2026, 10, 1), False),  # National Day
        (date(2026, 10, 10), True),  # Saturday worked after it
        (date(2026, 6, 6), False),  # an ordinary Saturday
        (date(2026, 6, 8), True),
        (date(2026, 1, 1), False),
    ],
)
def test_swap_days(day: date, worked: bool) -> None:
    assert CALENDAR.is_working_day(day) is worked


def test_the_first_day_is_not_counted() -> None:
    assert CALENDAR.add_working_days(date(2026, 6, 3), 1) == date(2026, 6, 4)
    assert CALENDAR.add_working_days(date(2026, 6, 5), 1) == date(2026, 6, 8)
    assert CALENDAR.add_working_days(date(2026, 6, 6), 1) == date(2026, 6, 8)


def test_zero_days_roll_only() -> None:
    assert CALENDAR.add_working_days(date(2026, 6, 6), 0) == date(2026, 6, 8)
    assert CALENDAR.add_working_days(date(2026, 6, 8), 0) == date(2026, 6, 8)


def test_over_spring_festival() -> None:
    assert CALENDAR.add_working_days(date(2026, 2, 13), 5) == date(2026, 2, 27)


def test_over_the_end_of_a_year() -> None:
    assert CALENDAR.add_working_days(date(2025, 12, 31), 1) == date(2026, 1, 4)
    assert CALENDAR.roll(date(2025, 12, 31)) == date(2025, 12, 31)
    assert CALENDAR.roll(date(2026, 1, 1)) == date(2026, 1, 4)


@pytest.mark.parametrize("year", [1999, 2003, 2060])
def test_an_unknown_year_goes_by_weekends_and_says_so(year: int) -> None:
    day = date(year, 5, 3)
    assert not CALENDAR.is_known(day)
    assert CALENDAR.is_working_day(day) is (day.weekday() < 5)
    assert not CALENDAR.knows_between(date(2026, 12, 1), date(2060, 1, 1))


def test_a_known_year_says_so() -> None:
    assert CALENDAR.is_known(date(2026, 12, 31))
    assert CALENDAR.knows_between(date(2025, 1, 1), date(2026, 12, 31))


TABLE = """
version: "2060.1"
source: an invented notice
complete_years: [2060]
holidays: [2060-01-01, 2060-02-02]
workdays: [2060-01-31]
"""


def test_overrides_win(tmp_path: Path) -> None:
    path = tmp_path / "holidays.yaml"
    path.write_text(TABLE, encoding="utf-8")
    calendar = load(path)
    assert calendar.is_known(date(2060, 7, 1))
    assert not calendar.is_working_day(date(2060, 2, 2))
    assert date(2060, 1, 31).weekday() == 5
    assert calendar.is_working_day(date(2060, 1, 31))
    assert calendar.is_working_day(date(2060, 7, 1))


def test_overrides_may_correct_the_library() -> None:
    calendar = WorkCalendar(holidays=frozenset({date(2026, 6, 8)}))
    assert not calendar.is_working_day(date(2026, 6, 8))
    assert calendar.add_working_days(date(2026, 6, 5), 1) == date(2026, 6, 9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: '1'\nholidays: [soon]", "holidays.0"),
        ("version: '1'\nparties: []", "parties"),
        ("version: '1'\nholidays: [2060-01-01]\nworkdays: [2060-01-01]", "both"),
        ("version: [", "YAML"),
        ("holidays: []", "version"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "holidays.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=says):
        load(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path / "none.yaml")


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 30))
def test_the_answer_is_worked_and_not_early(start: date, days: int) -> None:
    end = CALENDAR.add_working_days(start, days)
    assert CALENDAR.is_working_day(end)
    assert end >= start + timedelta(days=days)


@given(st.dates(date(2004, 1, 1), date(2026, 11, 1)), st.integers(1, 20))
def test_one_day_at_a_time_is_the_same(start: date, days: int) -> None:
    stepped = start
    for _ in range(days):
        stepped = CALENDAR.add_working_days(stepped, 1)
    assert stepped == CALENDAR.add_working_days(start, days)
