"""Whether a routing table has holes, and whether every route of it can ever be taken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from data.taxonomy.schema import Taxonomy
from serving.triage.conditions import Condition, Facts
from serving.triage.routing import CompiledRoute, Router
from serving.triage.schema import Roles


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A route that can never be taken, and the earlier routes that take all its cases."""

    route: str
    by: tuple[str, ...]


def combinations(roles: Roles, taxonomy: Taxonomy) -> Iterator[tuple[str | None, str | None]]:
    """Every product node (leaf or inner, as answers back off) with every reason."""
    products = [label.code for label in taxonomy[roles.product]] if roles.product else [None]
    reasons = [label.code for label in taxonomy[roles.reason]] if roles.reason else [None]
    return itertools.product(products, reasons)


def unresolved(
    router: Router, roles: Roles, taxonomy: Taxonomy
) -> list[tuple[str | None, str | None]]:
    """Combinations that no route takes when nothing else is known of a complaint."""
    return [
        (product, reason)
        for product, reason in combinations(roles, taxonomy)
        if router.resolve(Facts(product=product, reason=reason)) is None
    ]


def shadowed(router: Router, roles: Roles, taxonomy: Taxonomy) -> list[Shadowed]:
    """Routes that can never be taken.

    For each combination a route asks for, the complaint that meets it with the least (one flag,
    nothing known that it does not ask for) is tried: if even that one is taken earlier, all are.
    """
    pairs = list(combinations(roles, taxonomy))
    return [
        Shadowed(route.id, by)
        for position, route in enumerate(router.routes)
        if (by := _takers(router.routes[:position], route, pairs)) is not None
    ]


def _takers(
    earlier: tuple[CompiledRoute, ...],
    route: CompiledRoute,
    pairs: list[tuple[str | None, str | None]],
) -> tuple[str, ...] | None:
    takers: dict[str, None] = {}
    for facts in _least(route.condition, pairs):
        taker = next((other for other in earlier if other.condition.holds(facts)), None)
        if taker is None:
            return None
        takers[taker.id] = None
    return tuple(takers)


def _least(condition: Condition, pairs: list[tuple[str | None, str | None]]) -> Iterator[Facts]:
    contexts = [
        Facts(
            urgency=urgency,
            flags=frozenset((flag,) if flag else ()),
            source=source,
            channel=channel,
            segment=segment,
            branch=branch,
        )
        for urgency, flag, source, channel, segment, branch in itertools.product(
            _values(condition.urgency),
            _values(condition.flags),
            _values(condition.source),
            _values(condition.channel),
            _values(condition.segment),
            (False, True) if condition.branch is None else (condition.branch,),
        )
    ]
    for product, reason in pairs:
        for context in contexts:
            facts = replace(context, product=product, reason=reason)
            if condition.holds(facts):
                yield facts


def _values(asked: frozenset[str] | None) -> list[str | None]:
    return [None] if asked is None else [*sorted(asked)]
