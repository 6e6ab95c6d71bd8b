"""Everything the page shows about one head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.report import plots
from eval.report.cases import Card, cards
from eval.report.confusion import HeatMap, heat_map
from eval.report.plots import Bin, Plot
from eval.report.rows import Row, rows
from eval.report.words import Phrase, phrase
from eval.suite.result import ClassResult, HeadResult, ReliabilityBin, RiskPoint, SuiteResult

MOST_CONFUSIONS = 12
MOST_ERRORS = 8


@dataclass(frozen=True, slots=True)
class ConfusionView:
    """Two labels taken for one another, with some of the texts."""

    gold: str
    predicted: str
    n: int
    support: int
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class HeadView:
    """One head. `classes` have the most frequent first."""

    head: HeadResult
    title: Phrase
    metrics: tuple[Row, ...]
    structure: tuple[Row, ...]
    reliability: Plot
    risk: Plot
    heat: HeatMap
    confusions: tuple[ConfusionView, ...]
    classes: tuple[ClassResult, ...]
    most_support: int
    errors: tuple[Card, ...]


# What is about levels of a tree or order of an ordinal head stands in a table of its own.
_STRUCTURE = ("level", "hierarchical", "backed_off", "kappa", "mae", "urgent_")


def head_view(result: SuiteResult, head: HeadResult) -> HeadView:
    """Compute what the page shows of a head."""
    shown = head.confusions[:MOST_CONFUSIONS]
    supports = {item.code: item.support for item in head.classes}
    drawn = rows(head.metrics.values())
    return HeadView(
        head=head,
        title=phrase(head.title, f"{head.head} ({head.title})"),
        metrics=tuple(row for row in drawn if not row.key.startswith(_STRUCTURE)),
        structure=tuple(row for row in drawn if row.key.startswith(_STRUCTURE)),
        reliability=plots.reliability(_bins(head.reliability), _bins(head.champion_reliability)),
        risk=_risk(head),
        heat=heat_map(head, shown),
        confusions=tuple(
            ConfusionView(
                gold=item.gold,
                predicted=item.predicted,
                n=item.n,
                support=supports.get(item.gold, 0),
                cards=tuple(cards(result, item.examples, head.head)),
            )
            for item in shown
        ),
        classes=tuple(sorted(head.classes, key=lambda item: -item.support)),
        most_support=max(supports.values(), default=0) or 1,
        errors=tuple(cards(result, head.errors, head.head, most=MOST_ERRORS)),
    )


def _risk(head: HeadResult) -> Plot:
    promise = head.promise
    return plots.risk_coverage(
        _curve(head.risk_coverage),
        promised_risk=None if promise.precision is None else 1 - promise.precision,
        working=None if promise.kept is None else (promise.coverage, 1 - promise.kept),
        champion=_curve(head.champion_risk_coverage),
    )


def _bins(found: Sequence[ReliabilityBin]) -> list[Bin]:
    return [Bin(item.confidence, item.right, item.n) for item in found if item.n]


def _curve(found: Sequence[RiskPoint]) -> list[tuple[float, float]]:
    return [(point.coverage, point.risk) for point in found]
