"""Slices by name, and the worst of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.pii.mask import mask
from eval.metrics import Figure
from eval.report import numbers
from eval.report.cases import Card, cards, named
from eval.report.rows import metric_name
from eval.report.words import Phrase, joined, phrase, say_or
from eval.suite.result import MetricResult, SliceResult, SuiteResult, WorstSlice

MOST_WORST = 12


@dataclass(frozen=True, slots=True)
class Worst:
    """A slice that does worse than the whole, with the interval of how much worse."""

    where: Phrase
    n: int
    metric: Phrase
    value: str
    overall: str
    shortfall: str
    interval: str
    certain: bool
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One slice with its figures as written and to sort by, in the order of the columns."""

    where: Phrase
    n: int
    cells: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Slices:
    """`worst` as found by search; `columns` and `table` are every single slice."""

    worst: tuple[Worst, ...]
    columns: tuple[Phrase, ...]
    table: tuple[Line, ...]


def place(result: SuiteResult, where: Mapping[str, str]) -> Phrase:
    """Attributes with their values by name, joined."""
    return joined([_attribute(result, k, v) for k, v in where.items()], " · ", " · ")


def _attribute(result: SuiteResult, name: str, value: str) -> Phrase:
    head = result.heads.get(name)
    if head is not None:
        return joined([phrase(head.title, head.head), named(value, head)], " ", " ")
    said = say_or(f"slice:{name}={value}", mask(value).text)
    return joined([say_or(f"slice:{name}", name), said], " ", " ")


def slices(result: SuiteResult) -> Slices:
    """Everything about slices that the page shows."""
    names = list(dict.fromkeys(name for item in result.slices for name in item.metrics))
    return Slices(
        worst=tuple(_worst(result, item) for item in result.worst_slices[:MOST_WORST]),
        columns=tuple(about(result, name) for name in names),
        table=tuple(_line(result, item, names) for item in result.slices),
    )


def about(result: SuiteResult, metric: str) -> Phrase:
    """A metric with its head: `product.accuracy` is 产品 准确率."""
    head = result.heads.get(metric.rpartition(".")[0])
    name = metric_name(metric)
    return joined([phrase(head.title, head.head), name], " ", " ") if head else name


def _line(result: SuiteResult, item: SliceResult, names: Sequence[str]) -> Line:
    cells = tuple(_cell(name, item.metrics.get(name)) for name in names)
    return Line(place(result, item.where), item.n, cells)


def _cell(name: str, metric: MetricResult | None) -> tuple[str, float]:
    if metric is None:
        return numbers.DASH, -1.0
    return numbers.show(name, metric.value.value), metric.value.value


def _worst(result: SuiteResult, item: WorstSlice) -> Worst:
    gap = item.shortfall
    head = item.metric.rpartition(".")[0] or None
    return Worst(
        where=place(result, item.where),
        n=item.n,
        metric=about(result, item.metric),
        value=numbers.show(item.metric, item.value),
        overall=numbers.show(item.metric, item.overall),
        shortfall=numbers.difference(item.metric, -gap.value),
        interval=numbers.difference_interval(item.metric, Figure(-gap.value, -gap.high, -gap.low)),
        certain=gap.low > 0,
        cards=tuple(cards(result, item.examples, head, most=2)),
    )
