"""Tables of metrics: the challenger's figure, the champion's, and what lies between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from eval.metrics import Figure
from eval.report import numbers
from eval.report.words import Phrase, say_or
from eval.suite.names import metric as named
from eval.suite.result import MetricResult

Course = Literal["better", "worse", "even", ""]
STRIP = 150


@dataclass(frozen=True, slots=True)
class Strip:
    """A value with its interval on a line, in pixels; `zero` is where no difference lies."""

    value: float
    low: float
    high: float
    zero: float | None
    course: Course
    width: int = STRIP


@dataclass(frozen=True, slots=True)
class Row:
    """One metric as written. `course` is set where the whole interval is on one side."""

    key: str
    name: Phrase
    n: int
    value: str
    interval: str
    champion: str
    difference: str
    difference_interval: str
    course: Course
    strip: Strip | None


def rows(metrics: Iterable[MetricResult]) -> list[Row]:
    """Metrics in the given order, their differences drawn on one common scale."""
    metrics = list(metrics)
    widest = max((_reach(m.difference) for m in metrics if m.difference), default=0.0)
    return [_row(m, widest or 1.0) for m in metrics]


def metric_name(name: str) -> Phrase:
    """A metric's name; what it measures is its tooltip."""
    key = numbers.base(name)
    found = named(key)
    if found is None:
        return say_or(f"metric:{key}", numbers.english(key))
    tooltip = Markup('<span title="{}">{}</span>')
    return Phrase(
        tooltip.format(key, found.chinese), tooltip.format(found.english, numbers.english(key))
    )


def course_of(metric: MetricResult) -> Course:
    """Whether the challenger is provably better or worse: zero is outside the interval."""
    between = metric.difference
    if between is None:
        return ""
    if between.low <= 0 <= between.high:
        return "even"
    return "better" if (between.low > 0) == (metric.better == "higher") else "worse"


def _row(metric: MetricResult, widest: float) -> Row:
    return Row(
        key=metric.name,
        name=metric_name(metric.name),
        n=metric.n,
        value=numbers.show(metric.name, metric.value.value),
        interval=numbers.interval(metric.name, metric.value),
        champion=numbers.show(metric.name, metric.champion.value if metric.champion else None),
        difference=numbers.difference(
            metric.name, metric.difference.value if metric.difference else None
        ),
        difference_interval=numbers.difference_interval(metric.name, metric.difference),
        course=course_of(metric),
        strip=_strip(metric, widest),
    )


def _reach(figure: Figure) -> float:
    return max(abs(figure.low), abs(figure.high), abs(figure.value))


def _strip(metric: MetricResult, widest: float) -> Strip | None:
    """The difference, with better to the right; without a champion the value from 0 to 1."""
    if (between := metric.difference) is not None:
        sign = 1 if metric.better == "higher" else -1
        low, value, high = (
            _at(sign * v / widest / 2 + 0.5) for v in (between.low, between.value, between.high)
        )
        return Strip(value, min(low, high), max(low, high), _at(0.5), course_of(metric))
    figure = metric.value
    if not 0 <= figure.low <= figure.high <= 1:
        return None
    return Strip(_at(figure.value), _at(figure.low), _at(figure.high), None, "")


def _at(share: float) -> float:
    return round(5 + (STRIP - 10) * share, 1)
