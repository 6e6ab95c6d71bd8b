"""What a policy covers and what it leaves open, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from data.taxonomy.schema import Taxonomy
from serving.triage.conditions import Facts
from serving.triage.coverage import Shadowed, combinations, shadowed, unresolved
from serving.triage.policy import Policy
from serving.triage.validate import departments_used


@dataclass(frozen=True, slots=True)
class Row:
    """One combination of the routing table, with nothing else known; None = no route."""

    product: str | None
    reason: str | None
    lead: str | None
    route: str | None


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One limit of one clock, in words."""

    clock: str
    name: str
    kind: str
    when: str
    amount: int
    unit: str
    extension: bool
    basis: str


@dataclass(frozen=True)
class Overview:
    """One policy at a glance.

    A policy that loaded has neither `unresolved` nor `shadowed`; the `unused_*` are allowed, but
    worth a look.
    """

    stamp: str
    effective: date
    files: tuple[str, ...]
    combinations: int
    leads: dict[str, int]
    unresolved: tuple[tuple[str | None, str | None], ...]
    shadowed: tuple[Shadowed, ...]
    unused_departments: tuple[str, ...]
    unused_flags: tuple[str, ...]
    unused_guards: tuple[str, ...]
    rules_by_level: dict[str, int]
    clocks: tuple[ClockLine, ...]


def table(policy: Policy, taxonomy: Taxonomy, *, leaves_only: bool = False) -> tuple[Row, ...]:
    """The routing table written out, in taxonomy order."""
    leaves = set(taxonomy[policy.roles.product].leaves) if policy.roles.product else {None}
    rows = []
    for product, reason in combinations(policy.roles, taxonomy):
        if leaves_only and product not in leaves:
            continue
        route = policy.router.resolve(Facts(product=product, reason=reason))
        lead, name = (route.lead, route.id) if route else (None, None)
        rows.append(Row(product, reason, lead, name))
    return tuple(rows)


def overview(policy: Policy, taxonomy: Taxonomy) -> Overview:
    """Describe a policy: coverage, reachability, what is never used, its clocks."""
    rows = table(policy, taxonomy)
    rules = policy.pack.rules
    set_by_rules = {code for rule in rules.rules for code in rule.flags}
    guards_used = {code for rule in rules.rules for code in rule.guards}
    departments = policy.router.departments
    named = departments_used(policy.pack.routing)
    return Overview(
        stamp=policy.stamp,
        effective=policy.effective,
        files=policy.files,
        combinations=len(rows),
        leads=_count([row.lead for row in rows if row.lead]),
        unresolved=tuple(unresolved(policy.router, policy.roles, taxonomy)),
        shadowed=tuple(shadowed(policy.router, policy.roles, taxonomy)),
        unused_departments=tuple(code for code in departments if code not in named),
        unused_flags=tuple(flag.code for flag in rules.flags if flag.code not in set_by_rules),
        unused_guards=tuple(code for code in rules.guards if code not in guards_used),
        rules_by_level=_count([rule.level or "flag" for rule in rules.rules]),
        clocks=tuple(_clock_lines(policy)),
    )


def _count(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in dict.fromkeys(values)}


def _clock_lines(policy: Policy) -> list[ClockLine]:
    return [
        ClockLine(
            clock=clock.id,
            name=clock.name,
            kind=clock.kind,
            when=", ".join(
                f"{key}={value}"
                for key, value in limit.when.model_dump(exclude_defaults=True).items()
            ),
            amount=limit.amount,
            unit=limit.unit,
            extension=clock.extension,
            basis=clock.basis,
        )
        for clock in policy.pack.deadlines.clocks
        for limit in clock.limits
    ]
