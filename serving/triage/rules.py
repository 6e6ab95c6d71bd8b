"""The rules engine: which rules fire on a text, where, and which hits a guard took back."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from serving.triage.clauses import Clauses, Splitter
from serving.triage.conditions import Condition, Facts, compile_when
from serving.triage.guards import CompiledContext, CompiledGuard, compile_context, compile_guard
from serving.triage.needles import Sieve, sieve
from serving.triage.patterns import expand, union
from serving.triage.quantities import Quantity, extract
from serving.triage.schema import FlagName, Measure, Roles, Rule, Rules
from serving.triage.types import Flag, Hit

# Hits reported per rule; a text that repeats itself a thousand times fires no harder.
_MAX_HITS: Final = 8
# How far from a hit its `floor` looks: bounded, so that an unpunctuated text stays linear.
_FLOOR_REACH: Final = 80


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A hit that did not count, and the guard that took it back."""

    hit: Hit
    guard: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fired; `hits` is empty where a field of the complaint made it fire."""

    rule: str
    name: str
    level: str | None
    flags: tuple[str, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the rules say of one complaint, in the order of the rules file."""

    fired: tuple[Fired, ...]
    suppressed: tuple[Suppressed, ...]
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True)
class CompiledRule:
    """A rule ready to run; `patterns` come with their place in the rule set's sieve."""

    id: str
    name: str
    level: str | None
    flags: tuple[str, ...]
    patterns: tuple[tuple[int, re.Pattern[str]], ...]
    quantity: Measure | None
    fields: Condition | None
    floor: Measure | None
    near: tuple[CompiledContext, ...]
    in_text: re.Pattern[str] | None
    not_in_text: re.Pattern[str] | None
    all_in_text: tuple[re.Pattern[str], ...]
    guards: tuple[CompiledGuard, ...]

    @cached_property
    def places(self) -> frozenset[int]:
        """Those of its patterns."""
        return frozenset(place for place, _ in self.patterns)

    def could_fire(self, candidates: frozenset[int]) -> bool:
        """Whether there is anything in a text to try, by its candidates; a field apart."""
        return self.quantity is not None or not self.places.isdisjoint(candidates)

    def spans(
        self, text: str, quantities: tuple[Quantity, ...], candidates: frozenset[int]
    ) -> Iterator[tuple[int, int]]:
        """Where the rule could fire, guards and context apart."""
        for place, pattern in self.patterns:
            if place in candidates:
                for match in pattern.finditer(text):
                    yield match.span()
        if self.quantity is not None:
            for quantity in quantities:
                if _measures(quantity, self.quantity):
                    yield quantity.start, quantity.end

    def stands(
        self, text: str, clauses: Clauses, quantities: tuple[Quantity, ...], start: int, end: int
    ) -> bool:
        """Whether the hit `start`:`end` stands in the context that the rule asks for."""
        if not all(context.allows(text, clauses, start, end) for context in self.near):
            return False
        return self.floor is None or _reaches(self.floor, quantities, clauses, start, end)

    def applies(self, text: str) -> bool:
        """Whether the text as a whole has what the rule asks for and lacks what it excludes."""
        if self.in_text is not None and not self.in_text.search(text):
            return False
        if self.not_in_text is not None and self.not_in_text.search(text):
            return False
        return all(pattern.search(text) for pattern in self.all_in_text)


@dataclass(frozen=True)
class RuleSet:
    """All rules of a pack, compiled."""

    version: str
    flags: Mapping[str, FlagName]
    rules: tuple[CompiledRule, ...]
    splitter: Splitter
    sieve: Sieve

    def evaluate(self, text: NormalisedText, facts: Facts) -> Findings:
        """Run every rule over one text. Linear in its length; never fails."""
        clauses = self.splitter.split(text.text)
        quantities = extract(text.text)
        candidates = self.sieve.candidates(text.text)
        fired: list[Fired] = []
        suppressed: list[Suppressed] = []
        for rule in self._to_try(candidates):
            hits: list[Hit] = []
            if rule.could_fire(candidates):
                hits, taken_back = _run(rule, text, clauses, quantities, candidates)
                suppressed += taken_back
            by_field = rule.fields is not None and rule.fields.holds(facts)
            if hits or by_field:
                fired.append(Fired(rule.id, rule.name, rule.level, rule.flags, tuple(hits)))
        return Findings(tuple(fired), tuple(suppressed), quantities)

    @cached_property
    def _always(self) -> frozenset[int]:
        """Where the rules stand that a quantity or a field alone makes fire."""
        return frozenset(
            at
            for at, rule in enumerate(self.rules)
            if rule.quantity is not None or rule.fields is not None
        )

    @cached_property
    def _by_pattern(self) -> dict[int, int]:
        """Where the rule stands whose pattern has a place in the sieve."""
        return {place: at for at, rule in enumerate(self.rules) for place in rule.places}

    def _to_try(self, candidates: frozenset[int]) -> list[CompiledRule]:
        """Rules that could fire, in the order of the file."""
        found = self._always.union(map(self._by_pattern.__getitem__, candidates))
        return [self.rules[at] for at in sorted(found)]

    def raised(self, findings: Findings) -> tuple[Flag, ...]:
        """The flags that fired rules set, in file order, with all their evidence."""
        evidence: dict[str, dict[Hit, None]] = {}
        for fired in findings.fired:
            for code in fired.flags:
                evidence.setdefault(code, {}).update(dict.fromkeys(fired.hits))
        return tuple(
            Flag(code, flag.name, tuple(evidence[code]), flag.hint)
            for code, flag in self.flags.items()
            if code in evidence
        )


def _run(
    rule: CompiledRule,
    text: NormalisedText,
    clauses: Clauses,
    quantities: tuple[Quantity, ...],
    candidates: frozenset[int],
) -> tuple[list[Hit], list[Suppressed]]:
    hits: list[Hit] = []
    suppressed: list[Suppressed] = []
    applies: bool | None = None
    for start, end in rule.spans(text.text, quantities, candidates):
        if applies is None:
            applies = rule.applies(text.text)
        if not applies or len(hits) >= _MAX_HITS:
            break
        if not rule.stands(text.text, clauses, quantities, start, end):
            continue
        guard = _guarding(rule, text.text, clauses, start, end)
        if guard is None:
            hits.append(_hit(rule.id, text, start, end))
        elif len(suppressed) < _MAX_HITS:
            suppressed.append(Suppressed(_hit(rule.id, text, start, end), guard.code, guard.name))
    return hits, suppressed


def _guarding(
    rule: CompiledRule, text: str, clauses: Clauses, start: int, end: int
) -> CompiledGuard | None:
    return next(
        (guard for guard in rule.guards if guard.takes_back(text, clauses, start, end)), None
    )


def _hit(rule: str, text: NormalisedText, start: int, end: int) -> Hit:
    first, last = text.span(start, end)
    return Hit(rule, first, last, text.original[first:last])


def _reaches(
    floor: Measure, quantities: tuple[Quantity, ...], clauses: Clauses, start: int, end: int
) -> bool:
    """Whether no quantity of the kind stands in the sentence, or one that is large enough."""
    low, high = clauses.around(start, end, "sentence")
    low, high = max(low, start - _FLOOR_REACH), min(high, end + _FLOOR_REACH)
    first = bisect_left(quantities, low, key=lambda quantity: quantity.start)
    last = bisect_left(quantities, high, key=lambda quantity: quantity.start)
    near = [quantity for quantity in quantities[first:last] if quantity.kind == floor.kind]
    return not near or any(_measures(quantity, floor) for quantity in near)


def _measures(quantity: Quantity, measure: Measure) -> bool:
    if quantity.kind != measure.kind or quantity.value < measure.at_least:
        return False
    return measure.at_most is None or quantity.value <= measure.at_most


def compile_rules(file: Rules, roles: Roles, taxonomy: Taxonomy) -> RuleSet:
    """Make a rules file ready to run; it was checked before."""
    guards = {code: compile_guard(code, guard, file.terms) for code, guard in file.guards.items()}
    segmentation = file.segmentation
    never = re.compile(r"(?!)")
    places = itertools.count()
    rules = tuple(_compile(rule, file, places, guards, roles, taxonomy) for rule in file.rules)
    return RuleSet(
        version=file.version,
        flags={flag.code: flag for flag in file.flags},
        rules=rules,
        splitter=Splitter(
            sentence=re.compile(segmentation.sentence),
            clause=re.compile(segmentation.clause),
            connective=union(segmentation.connectives, file.terms) or never,
        ),
        sieve=sieve(pattern for rule in rules for _, pattern in rule.patterns),
    )


def _compile(
    rule: Rule,
    file: Rules,
    places: Iterator[int],
    guards: Mapping[str, CompiledGuard],
    roles: Roles,
    taxonomy: Taxonomy,
) -> CompiledRule:
    return CompiledRule(
        id=rule.id,
        name=rule.name,
        level=rule.level,
        flags=tuple(rule.flags),
        patterns=tuple(
            (next(places), re.compile(expand(pattern, file.terms))) for pattern in rule.patterns
        ),
        quantity=rule.quantity,
        fields=compile_when(rule.fields, roles, taxonomy) if rule.fields else None,
        floor=rule.floor,
        near=tuple(compile_context(context, file.terms) for context in rule.near),
        in_text=union(rule.in_text, file.terms),
        not_in_text=union(rule.not_in_text, file.terms),
        all_in_text=tuple(
            re.compile("|".join(expand(pattern, file.terms) for pattern in group))
            for group in rule.all_in_text
        ),
        guards=tuple(guards[code] for code in rule.guards),
    )
