"""A pack is checked whole at load: every name in it must mean something, every route be of use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from data.errors import PolicyError
from data.taxonomy.schema import Head, Taxonomy
from serving.triage.coverage import shadowed, unresolved
from serving.triage.patterns import expand, problem
from serving.triage.routing import Router
from serving.triage.schema import (
    DeadlinesFile,
    Departments,
    ReviewFile,
    Roles,
    RoutingFile,
    Rule,
    Rules,
    When,
)


@dataclass(frozen=True)
class Pack:
    """The five files in force together; `names` are their file names, for errors."""

    directory: Path
    names: dict[str, str]
    rules: Rules
    routing: RoutingFile
    deadlines: DeadlinesFile
    departments: Departments
    review: ReviewFile

    def error(self, kind: str, key: str, message: str) -> PolicyError:
        """A PolicyError that names the file and the key."""
        return PolicyError(message, field=f"{self.directory / self.names[kind]}: {key}")


def check_pack(pack: Pack, taxonomy: Taxonomy) -> None:
    """Check the files against each other and the taxonomy. Raises PolicyError."""
    _roles(pack, taxonomy)
    _departments(pack)
    _flags(pack)
    _patterns(pack)
    _rules(pack, taxonomy)
    _unique(pack, "routing", "routes", [route.id for route in pack.routing.routes])
    for kind, key, when in _conditions(pack):
        _when(pack, kind, key, when, taxonomy)
    _deadlines(pack)
    _review(pack, taxonomy)


def check_compiled(pack: Pack, router: Router, taxonomy: Taxonomy) -> None:
    """Check that every combination finds a lead and every route can be taken."""
    holes = unresolved(router, pack.routing.roles, taxonomy)
    if holes:
        product, reason = holes[0]
        raise pack.error(
            "routing",
            "routes",
            f"{len(holes)} combinations find no route, the first is product {product} × reason "
            f"{reason}; expected a last route without conditions",
        )
    for route in shadowed(router, pack.routing.roles, taxonomy):
        by = ", ".join(route.by) or "no label meets its condition"
        raise pack.error(
            "routing", f"routes.{route.route}", f"can never be taken, because of: {by}"
        )


def _roles(pack: Pack, taxonomy: Taxonomy) -> None:
    for role in ("product", "reason", "urgency"):
        name = getattr(pack.routing.roles, role)
        if name is not None and name not in taxonomy:
            raise pack.error(
                "routing", f"roles.{role}", f"expected one of {list(taxonomy.by_name)}, got {name}"
            )
    urgency = pack.routing.roles.urgency
    if urgency is not None and taxonomy[urgency].kind != "ordinal":
        raise pack.error("routing", "roles.urgency", f"expected an ordinal head, got {urgency}")


def _departments(pack: Pack) -> None:
    codes = [department.code for department in pack.departments.departments]
    _unique(pack, "departments", "departments", codes)
    known = set(codes)
    for department in pack.departments.departments:
        if department.affiliation and department.affiliation not in known:
            raise pack.error(
                "departments",
                f"departments.{department.code}.affiliation",
                f"unknown department {department.affiliation}",
            )
    for key, code in _departments_used(pack.routing):
        if code not in known:
            raise pack.error("routing", key, f"unknown department {code}; add it to departments")


def _departments_used(routing: RoutingFile) -> Iterator[tuple[str, str]]:
    for route in routing.routes:
        yield from ((f"routes.{route.id}", code) for code in (route.lead, *route.assisting))
    for overlay in routing.overlays:
        used = (*overlay.assisting, *overlay.copies)
        yield from ((f"overlays.{overlay.id}", code) for code in used)
    for recusal in routing.recusals:
        used = (*recusal.lead, recusal.investigator)
        yield from ((f"recusals.{recusal.id}", code) for code in used)
    if routing.escalation is not None:
        yield "escalation", routing.escalation


def departments_used(routing: RoutingFile) -> frozenset[str]:
    """Codes of all departments that the routing names."""
    return frozenset(code for _, code in _departments_used(routing))


def _flags(pack: Pack) -> None:
    _unique(pack, "rules", "flags", [flag.code for flag in pack.rules.flags])
    known = {flag.code for flag in pack.rules.flags}
    hints = {flag.code for flag in pack.rules.flags if flag.hint}
    for rule in pack.rules.rules:
        for code in rule.flags:
            if code not in known:
                raise pack.error("rules", f"rules.{rule.id}.flags", f"unknown flag {code}")
            if code in hints and rule.level is not None:
                raise pack.error(
                    "rules", f"rules.{rule.id}.level", f"{code} is a hint and cannot raise a level"
                )
    for code in pack.review.hints:
        if code not in known:
            raise pack.error("review", "hints", f"unknown flag {code}")


def _patterns(pack: Pack) -> None:
    rules = pack.rules
    for kind, key, pattern in _all_patterns(pack):
        try:
            message = problem(pattern) or problem(expand(pattern, rules.terms), ways=False)
        except KeyError as error:
            message = f"{pattern!r} names an unknown term {error.args[0]}"
        except RecursionError:
            message = f"{pattern!r} names a term that names itself"
        if message:
            raise pack.error(kind, key, message)


def _all_patterns(pack: Pack) -> Iterator[tuple[str, str, str]]:
    rules = pack.rules
    segmentation = rules.segmentation
    groups: list[tuple[str, Iterable[str]]] = [
        ("segmentation", [segmentation.sentence, segmentation.clause, *segmentation.connectives])
    ]
    groups += [(f"terms.{name}", term) for name, term in rules.terms.items()]
    groups += [
        (f"guards.{code}", [*guard.cues, *guard.filler, *guard.unless])
        for code, guard in rules.guards.items()
    ]
    for rule in rules.rules:
        near = [pattern for context in rule.near for pattern in (*context.any, *context.none)]
        whole = [*rule.in_text, *rule.not_in_text, *chain.from_iterable(rule.all_in_text)]
        groups.append((f"rules.{rule.id}", [*rule.patterns, *whole, *near]))
    for key, patterns in groups:
        yield from (("rules", key, pattern) for pattern in patterns)
    routing = pack.routing
    for pattern in (*routing.branch_patterns, *routing.branch_stops):
        yield "routing", "branch_patterns", pattern


def _rules(pack: Pack, taxonomy: Taxonomy) -> None:
    _unique(pack, "rules", "rules", [rule.id for rule in pack.rules.rules])
    urgency = pack.routing.roles.urgency
    levels = list(taxonomy[urgency].by_code) if urgency else []
    for rule in pack.rules.rules:
        key = f"rules.{rule.id}"
        if rule.level is not None and rule.level not in levels:
            raise pack.error("rules", f"{key}.level", f"expected one of {levels}, got {rule.level}")
        if not (rule.level or rule.flags):
            raise pack.error("rules", key, "expected a level, a flag or both")
        if not (rule.patterns or rule.quantity or rule.fields):
            raise pack.error("rules", key, "expected patterns, a quantity or fields")
        _guards(pack, rule)
    for code, guard in pack.rules.guards.items():
        if guard.adjacent and guard.where == "around":
            raise pack.error("rules", f"guards.{code}", "adjacent needs where: before or after")


def _guards(pack: Pack, rule: Rule) -> None:
    for code in rule.guards:
        if code not in pack.rules.guards:
            raise pack.error("rules", f"rules.{rule.id}.guards", f"unknown guard {code}")


def _conditions(pack: Pack) -> Iterator[tuple[str, str, When]]:
    for rule in pack.rules.rules:
        if rule.fields:
            yield "rules", f"rules.{rule.id}.fields", rule.fields
    for route in pack.routing.routes:
        yield "routing", f"routes.{route.id}.when", route.when
    for overlay in pack.routing.overlays:
        yield "routing", f"overlays.{overlay.id}.when", overlay.when
    for recusal in pack.routing.recusals:
        yield "routing", f"recusals.{recusal.id}.when", recusal.when
    for clock in pack.deadlines.clocks:
        for limit in clock.limits:
            yield "deadlines", f"clocks.{clock.id}.limits", limit.when


def _when(pack: Pack, kind: str, key: str, when: When, taxonomy: Taxonomy) -> None:
    roles: Roles = pack.routing.roles
    for role, codes in (
        ("product", when.product),
        ("reason", when.reason),
        ("urgency", when.urgency),
    ):
        name = getattr(roles, role)
        if codes and name is None:
            raise pack.error(kind, f"{key}.{role}", f"no head plays the role {role}")
        if codes:
            _known(pack, kind, f"{key}.{role}", codes, taxonomy[name].by_code)
    _known(pack, kind, f"{key}.flags", when.flags, {flag.code for flag in pack.rules.flags})
    fields = (
        ("source", when.source),
        ("channel", when.channel),
        ("customer_segment", when.segment),
    )
    for field, codes in fields:
        declared = taxonomy.fields.get(field)
        if codes and declared is None:
            raise pack.error(kind, f"{key}.{field}", f"the taxonomy declares no field {field}")
        if declared is not None:
            _known(pack, kind, f"{key}.{field}", codes, declared.codes)


def _known(pack: Pack, kind: str, key: str, codes: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for code in codes:
        if code not in known:
            few = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
            raise pack.error(kind, key, f"expected one of {few}, got {code}")


def _deadlines(pack: Pack) -> None:
    clocks = pack.deadlines.clocks
    _unique(pack, "deadlines", "clocks", [clock.id for clock in clocks])
    own = {clock.id for clock in clocks if not clock.extension}
    for clock in clocks:
        if clock.extends is not None and (not clock.extension or clock.extends not in own):
            raise pack.error(
                "deadlines",
                f"clocks.{clock.id}.extends",
                f"expected an extension of one of {sorted(own)}, got {clock.extends}",
            )
    try:
        ZoneInfo(pack.deadlines.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise pack.error(
            "deadlines", "timezone", f"expected a zone such as Asia/Shanghai: {error}"
        ) from error


def _review(pack: Pack, taxonomy: Taxonomy) -> None:
    review = pack.review
    _known(pack, "review", "margins", review.margins, taxonomy.by_name)
    urgency = pack.routing.roles.urgency
    head: Head | None = taxonomy[urgency] if urgency else None
    levels = list(head.by_code) if head else []
    for key, codes in (
        ("needs_rule", list(review.needs_rule)),
        ("always", list(review.always)),
        ("priority.levels", list(review.priority.levels)),
    ):
        _known(pack, "review", key, codes, levels)


def _unique(pack: Pack, kind: str, key: str, codes: list[str]) -> None:
    for code in codes:
        if codes.count(code) > 1:
            raise pack.error(kind, f"{key}.{code}", "is there twice")
