"""Periods (统计期间): days, weeks, months, quarters and years, half-open, in the bank's zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from data.errors import InputError
from serving.boards.epoch import midnight

Unit = Literal["month", "quarter", "year", "days"]

_FORM: Final = re.compile(
    r"(?P<year>\d{4})(?:Q(?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?"
    r"|(?P<first>\d{4}-\d\d-\d\d)\.\.(?P<last>\d{4}-\d\d-\d\d)"
)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` up to, not with, `end`."""

    name: str
    unit: Unit
    first: date
    end: date

    @property
    def title(self) -> str:
        """As a report's head says it."""
        if self.unit == "year":
            return f"{self.first.year}年"
        if self.unit == "quarter":
            return f"{self.first.year}年第{'一二三四'[self.first.month // 3]}季度"
        if self.unit == "month":
            return f"{self.first.year}年{self.first.month}月"
        last = self.end - timedelta(days=1)
        return f"{self.first.isoformat()} 至 {last.isoformat()}"

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.first).days

    def starts(self, zone: ZoneInfo) -> datetime:
        """Its first moment."""
        return midnight(self.first, zone)

    def ends(self, zone: ZoneInfo) -> datetime:
        """The first moment that is no longer of it."""
        return midnight(self.end, zone)

    def before(self) -> Period:
        """The period just before (环比)."""
        if self.unit == "days":
            return span(self.first - (self.end - self.first), self.first)
        return around(self.first - timedelta(days=1), self.unit)

    def last_year(self) -> Period:
        """The same period of the year before (同比)."""
        if self.unit == "days":
            return span(_year_back(self.first), _year_back(self.end))
        return around(_year_back(self.first), self.unit)

    def months(self) -> list[Period]:
        """The months that it touches."""
        found, day = [], self.first
        while day < self.end:
            month = around(day, "month")
            found.append(month)
            day = month.end
        return found


def around(day: date, unit: Unit) -> Period:
    """The month, quarter or year that `day` lies in."""
    if unit == "year":
        return Period(str(day.year), unit, date(day.year, 1, 1), date(day.year + 1, 1, 1))
    if unit == "quarter":
        number = (day.month - 1) // 3
        first = date(day.year, 3 * number + 1, 1)
        return Period(f"{day.year}Q{number + 1}", unit, first, _month_after(first, 3))
    if unit == "month":
        first = day.replace(day=1)
        return Period(f"{first:%Y-%m}", unit, first, _month_after(first, 1))
    return span(day, day + timedelta(days=1))


def span(first: date, end: date) -> Period:
    """The days from `first` up to, not with, `end`. Raises InputError for none."""
    if end <= first:
        raise InputError("expected a period of at least one day", field="period")
    last = end - timedelta(days=1)
    return Period(f"{first.isoformat()}..{last.isoformat()}", "days", first, end)


def parse(name: str) -> Period:
    """2026, 2026Q3, 2026-07 or 2026-07-01..2026-07-15 (both days in it). Raises InputError."""
    found = _FORM.fullmatch(name.strip())
    if found is None:
        raise InputError(
            "expected a period like 2026, 2026Q3, 2026-07 or 2026-07-01..2026-07-15",
            field="period",
        )
    try:
        if found["first"]:
            last = date.fromisoformat(found["last"])
            return span(date.fromisoformat(found["first"]), last + timedelta(days=1))
        year = int(found["year"])
        if found["quarter"]:
            return around(date(year, 3 * int(found["quarter"]), 1), "quarter")
        if found["month"]:
            return around(date(year, int(found["month"]), 1), "month")
        return around(date(year, 1, 1), "year")
    except (ValueError, OverflowError) as error:
        raise InputError(f"is not a day of the calendar: {error}", field="period") from error


def _month_after(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _year_back(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return date(day.year - 1, 2, 28)
