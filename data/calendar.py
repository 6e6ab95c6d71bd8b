"""Chinese working days (工作日), with the State Council's swap days (调休).

The swap days come from chinesecalendar, which knows a year once its notice is published. A bank
lays a table of its own over it; a year that neither knows is taken by weekends only, and says so.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from data.errors import PolicyError

_SATURDAY = 5
_DAY = timedelta(days=1)
# Some ten years: every complaint asks about the same few weeks.
_MAX_CACHED = 4_096


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: str
    source: str = ""
    complete_years: list[int] = []
    holidays: list[date] = []
    workdays: list[date] = []


@dataclass(frozen=True)
class WorkCalendar:
    """Which days banks work.

    `holidays` and `workdays` override the library day by day; `complete_years` are those the
    overrides cover in full, so that the days they do not name are plain weekdays and weekends.
    """

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    complete_years: frozenset[int] = frozenset()

    def is_known(self, day: date) -> bool:
        """Whether the swap days of that year are known; if not, answers are provisional."""
        return day.year in self.complete_years or _from_library(day) is not None

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is worked. Never fails: an unknown year goes by weekends only."""
        if day in self.workdays:
            return True
        if day in self.holidays:
            return False
        if day.year not in self.complete_years:
            known = _from_library(day)
            if known is not None:
                return known
        return day.weekday() < _SATURDAY

    def add_working_days(self, start: date, days: int) -> date:
        """The `days`-th working day after `start`; `start` itself is not counted (民法典 Art. 201).

        With `days` = 0, `start` rolled forward to a working day.
        """
        if days == 0:
            return self.roll(start)
        day = start
        for _ in range(days):
            day = self.roll(day + _DAY)
        return day

    def roll(self, day: date) -> date:
        """`day`, or where it is not worked the next working day (民法典 Art. 203)."""
        while not self.is_working_day(day):
            day += _DAY
        return day

    def knows_between(self, start: date, end: date) -> bool:
        """Whether every year from `start` to `end` is known."""
        return all(self.is_known(date(year, 12, 31)) for year in range(start.year, end.year + 1))


def load(path: Path) -> WorkCalendar:
    """Read an override table (YAML: version, source, complete_years, holidays, workdays).

    Raises PolicyError naming the file, the key and what was expected.
    """
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        table = _Table.model_validate(document)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot be read as YAML: {error}", field=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise PolicyError(first["msg"], field=f"{path}: {key}") from error
    both = set(table.holidays) & set(table.workdays)
    if both:
        raise PolicyError(
            f"{min(both)} is both a holiday and a working day", field=f"{path}: workdays"
        )
    return WorkCalendar(
        holidays=frozenset(table.holidays),
        workdays=frozenset(table.workdays),
        complete_years=frozenset(table.complete_years),
    )


@functools.lru_cache(maxsize=_MAX_CACHED)
def _from_library(day: date) -> bool | None:
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None
