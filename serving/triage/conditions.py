"""Conditions of routes, clocks and rules, checked against what is known about one complaint."""

from __future__ import annotations

from dataclasses import dataclass

from data.taxonomy.schema import Taxonomy
from serving.triage.schema import Roles, When


@dataclass(frozen=True, slots=True)
class Facts:
    """What a condition can ask about; None = not known."""

    product: str | None = None
    reason: str | None = None
    urgency: str | None = None
    flags: frozenset[str] = frozenset()
    source: str | None = None
    channel: str | None = None
    segment: str | None = None
    branch: bool = False

    def on(self, product: str) -> Facts:
        """The same about another product: asked for every answer, so not by `replace`."""
        return Facts(
            product,
            self.reason,
            self.urgency,
            self.flags,
            self.source,
            self.channel,
            self.segment,
            self.branch,
        )


@dataclass(frozen=True)
class Condition:
    """A `When` with its product codes spread over everything below them; None = not asked."""

    product: frozenset[str] | None
    reason: frozenset[str] | None
    urgency: frozenset[str] | None
    flags: frozenset[str] | None
    source: frozenset[str] | None
    channel: frozenset[str] | None
    segment: frozenset[str] | None
    branch: bool | None

    def holds(self, facts: Facts) -> bool:
        """Whether every key asked for is met."""
        return (
            (self.product is None or facts.product in self.product)
            and (self.reason is None or facts.reason in self.reason)
            and (self.urgency is None or facts.urgency in self.urgency)
            and (self.flags is None or not self.flags.isdisjoint(facts.flags))
            and (self.source is None or facts.source in self.source)
            and (self.channel is None or facts.channel in self.channel)
            and (self.segment is None or facts.segment in self.segment)
            and (self.branch is None or facts.branch == self.branch)
        )


def compile_when(when: When, roles: Roles, taxonomy: Taxonomy) -> Condition:
    """Make `when` ready to be asked. Its codes were checked before."""
    return Condition(
        product=_below(when.product, roles, taxonomy),
        reason=_set(when.reason),
        urgency=_set(when.urgency),
        flags=_set(when.flags),
        source=_set(when.source),
        channel=_set(when.channel),
        segment=_set(when.segment),
        branch=when.branch,
    )


def _set(values: list[str]) -> frozenset[str] | None:
    return frozenset(values) if values else None


def _below(codes: list[str], roles: Roles, taxonomy: Taxonomy) -> frozenset[str] | None:
    if not codes or roles.product is None:
        return None
    head = taxonomy[roles.product]
    return frozenset(
        label.code for label in head if not set(codes).isdisjoint(head.path(label.code))
    )
