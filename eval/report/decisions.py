"""Everything the page shows about decisions from end to end."""

from __future__ import annotations

from dataclasses import dataclass

from eval.report.cases import Card, cards, reason
from eval.report.rows import Row, rows
from eval.report.words import Phrase
from eval.suite.result import Misroute, SuiteResult

MOST_MISROUTES = 12
MOST_MISSED = 10


@dataclass(frozen=True, slots=True)
class MisrouteView:
    """A wrong pair of departments with some of the texts."""

    route: Misroute
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Decisions:
    """`reasons` are (why, share of texts, the champion's share or None)."""

    metrics: tuple[Row, ...]
    misroutes: tuple[MisrouteView, ...]
    reasons: tuple[tuple[Phrase, float, float | None], ...]
    missed: tuple[Card, ...]


def decisions(result: SuiteResult) -> Decisions:
    """Compute what the page shows of decisions."""
    found = result.decisions
    beside = found.champion_review_reasons if result.champion else None
    return Decisions(
        metrics=tuple(rows(found.metrics.values())),
        misroutes=tuple(
            MisrouteView(route, tuple(cards(result, route.examples, most=2)))
            for route in found.misroutes[:MOST_MISROUTES]
        ),
        reasons=tuple(
            (reason(result, name), share, None if beside is None else beside.get(name, 0.0))
            for name, share in found.review_reasons.items()
        ),
        missed=tuple(cards(result, found.urgent_missed, most=MOST_MISSED)),
    )
