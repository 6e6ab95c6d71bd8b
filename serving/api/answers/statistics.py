"""What boards and reports show."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from serving.api.answers.base import Answer, Whole


class CountAnswer(Answer):
    """A number of complaints, and which they are."""

    n: Whole
    filter: str = Field(description="Query string that narrows lists and statistics to them.")


class ClockCount(Answer):
    """How many cases are past a clock."""

    code: str
    name: str
    statutory: bool
    count: CountAnswer


class HourCount(Answer):
    """Complaints of one hour of today."""

    hour: int = Field(ge=0, le=23)
    count: CountAnswer
    typical: float = Field(description="Median of the eight like weekdays before.")


class TodayAnswer(Answer):
    """The board of today."""

    day: date
    received: CountAnswer
    automatic: CountAnswer = Field(description="Of those received, how many needed nobody.")
    resolved: CountAnswer
    waiting: CountAnswer = Field(description="For review.")
    open: CountAnswer
    overdue: CountAnswer = Field(description="Past a statutory clock.")
    overdue_by_clock: list[ClockCount]
    urgent: list[tuple[str, str, CountAnswer]] = Field(description="Code, name, open ones.")
    at_risk: list[tuple[int, CountAnswer]] = Field(
        description="Days left, cases strictly due within them."
    )
    days: list[tuple[date, CountAnswer]] = Field(description="Received on the last days.")
    hours: list[HourCount]
    typical_so_far: float = Field(description="What the hours that are over usually bring.")


class Bucket(Answer):
    """The days from `first` up to, not with, `end`."""

    title: str
    first: date
    end: date


class SeriesAnswer(Answer):
    """One code over time, or all that are not shown by themselves."""

    code: str
    name: str
    counts: list[CountAnswer] = Field(description="By bucket.")
    total: CountAnswer


class TrendAnswer(Answer):
    """One axis over time; the counts of a bucket add up to its total."""

    axis: str
    title: str
    step: Literal["day", "week", "month"]
    level: int = Field(description="Level of the axis' tree; 0: it has none.")
    buckets: list[Bucket]
    series: list[SeriesAnswer]
    totals: list[CountAnswer]


class HotSpotAnswer(Answer):
    """A cell far above its own history."""

    axes: list[str]
    codes: list[str] = Field(description="One for each axis.")
    name: str
    count: CountAnswer
    expected: float
    low: int = Field(description="95 of 100 weeks lie between `low` and `high`.")
    high: int
    p_value: float = Field(ge=0, le=1)
    history: list[int] = Field(description="The weeks before, the latest first.")


class HotSpotsAnswer(Answer):
    """What stands out in seven days, the surest first."""

    first: date
    end: date = Field(description="Not included.")
    spots: list[HotSpotAnswer]
    cells: Whole = Field(description="How many were looked at.")
    weeks: Whole = Field(description="How many weeks of history there are; under 4 say nothing.")


class ReportHead(Answer):
    """What a report is about and what it was made from."""

    title: str
    period: str
    period_title: str
    first: str = Field(description="First day, ISO 8601.")
    end: str = Field(description="The day after the last.")
    zone: str
    scope: str
    scope_title: str
    counting: str
    cases: Whole
    received: Whole
    merged: Whole
    complete: bool = Field(description="The period is over.")
    generated_at: str
    generated_by: str
    versions: list[tuple[str, str]] = Field(description="Title and version.")


class ReportColumn(Answer):
    """A column; `share` and `change` are of 1."""

    title: str
    kind: Literal["text", "count", "share", "change", "number"]


class ReportRow(Answer):
    """Cells in the columns' order."""

    key: str
    level: Literal["plain", "sub", "total"] = Field(
        description="plain rows add up; sub contains those below it."
    )
    depth: Whole
    kind: Literal["text", "count", "share", "change", "number"] | None = Field(
        description="How this row writes its numbers, where rows differ."
    )
    cells: list[str | int | float | None]
    links: dict[str, str] = Field(description="Filters by the column's number.")


class ReportTable(Answer):
    """One table."""

    id: str
    title: str
    note: str
    adds_up: int | None = Field(description="Column whose plain rows give the period's cases.")
    columns: list[ReportColumn]
    rows: list[ReportRow]


class SnapshotAnswer(Answer):
    """The report as it was frozen."""

    number: int
    frozen_at: datetime
    frozen_by: str
    sha256: str
    corrections: Whole


class ReportAnswer(Answer):
    """The statistics of a period."""

    format: int = Field(description="A new number where an older reader would misread it.")
    head: ReportHead
    tables: list[ReportTable]
    omitted: list[tuple[str, str]] = Field(description="What was left out, and why.")
    notes: list[tuple[str, str]] = Field(description="Terms, and what they mean.")
    reconciled: bool = Field(description="Every table that must add up does.")
    snapshot: SnapshotAnswer | None
