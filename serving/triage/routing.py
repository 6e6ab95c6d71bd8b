"""Who handles: lead 主办, assisting 协办, investigator 核实, copies 抄送, branch 属地."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data.errors import InputError
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import HeadPrediction
from serving.triage.conditions import Condition, Facts, compile_when
from serving.triage.patterns import union
from serving.triage.schema import Department, RoutingFile
from serving.triage.types import Party, Routing


@dataclass(frozen=True)
class CompiledRoute:
    """A route ready to be asked."""

    id: str
    condition: Condition
    lead: str
    assisting: tuple[str, ...]


@dataclass(frozen=True)
class CompiledOverlay:
    """Departments added wherever its condition holds."""

    id: str
    condition: Condition
    assisting: tuple[str, ...]
    copies: tuple[str, ...]


@dataclass(frozen=True)
class CompiledRecusal:
    """Who investigates where `leads` would be looking into themselves."""

    id: str
    condition: Condition
    leads: frozenset[str]
    investigator: str


@dataclass(frozen=True)
class Router:
    """The routing table of a policy."""

    departments: Mapping[str, Department]
    routes: tuple[CompiledRoute, ...]
    overlays: tuple[CompiledOverlay, ...]
    recusals: tuple[CompiledRecusal, ...]
    alternatives: int
    branch_pattern: re.Pattern[str] | None
    branch_stop: re.Pattern[str] | None

    def check_known(self, code: str | None, field: str = "department") -> None:
        """Raises InputError, naming `field`, for a code of no department; None is none."""
        if code is not None and code not in self.departments:
            raise InputError("expected the code of a department of the policy", field=field)

    def resolve(self, facts: Facts) -> CompiledRoute | None:
        """The first route whose condition holds."""
        return next((route for route in self.routes if route.condition.holds(facts)), None)

    def branch(self, given: str | None, text: NormalisedText) -> str | None:
        """The branch given, else the first one that the text names, as the customer wrote it."""
        if given and given.strip():
            return given.strip()
        if self.branch_pattern is None:
            return None
        for match in self.branch_pattern.finditer(text.text):
            start = match.start()
            if self.branch_stop is not None:
                for stop in self.branch_stop.finditer(text.text, match.start(), match.end()):
                    start = stop.end()
            # What is left must still be a name, not "支行" alone.
            if self.branch_pattern.fullmatch(text.text, start, match.end()):
                first, last = text.span(start, match.end())
                return text.original[first:last]
        return None

    def route(self, facts: Facts, branch: str | None, product: HeadPrediction | None) -> Routing:
        """Decide. The check at load made sure that some route holds."""
        if facts.branch != (branch is not None):
            facts = replace(facts, branch=branch is not None)
        chosen = self.resolve(facts) or self.routes[-1]
        overlays = [overlay for overlay in self.overlays if overlay.condition.holds(facts)]
        assisting = _unique(
            [*chosen.assisting, *(code for overlay in overlays for code in overlay.assisting)],
            without={chosen.lead},
        )
        copies = _unique(
            [code for overlay in overlays for code in overlay.copies],
            without={chosen.lead, *assisting},
        )
        return Routing(
            lead=self.party(chosen.lead),
            assisting=tuple(map(self.party, assisting)),
            investigator=self._investigator(chosen.lead, facts),
            copies=tuple(map(self.party, copies)),
            branch=branch,
            rule=chosen.id,
            alternatives=self._alternatives(chosen.lead, facts, product),
        )

    def party(self, code: str) -> Party:
        """A department as it is answered."""
        return Party(code, self.departments[code].name)

    def _investigator(self, lead: str, facts: Facts) -> Party | None:
        for recusal in self.recusals:
            if lead in recusal.leads and recusal.condition.holds(facts):
                return self.party(recusal.investigator)
        return None

    def _alternatives(
        self, lead: str, facts: Facts, product: HeadPrediction | None
    ) -> tuple[Party, ...]:
        if product is None:
            return ()
        leaves = [product.leaf, *(code for code, _ in product.alternatives)]
        routes = [self.resolve(facts.on(leaf)) for leaf in leaves]
        leads = _unique([route.lead for route in routes if route], without={lead})
        return tuple(map(self.party, leads[: self.alternatives]))


def _unique(codes: Sequence[str], without: set[str]) -> list[str]:
    return [code for code in dict.fromkeys(codes) if code not in without]


def compile_routing(
    file: RoutingFile, departments: Sequence[Department], taxonomy: Taxonomy
) -> Router:
    """Make a routing file ready to run; it was checked before."""
    roles = file.roles
    return Router(
        departments={department.code: department for department in departments},
        routes=tuple(
            CompiledRoute(
                route.id,
                compile_when(route.when, roles, taxonomy),
                route.lead,
                tuple(route.assisting),
            )
            for route in file.routes
        ),
        overlays=tuple(
            CompiledOverlay(
                overlay.id,
                compile_when(overlay.when, roles, taxonomy),
                tuple(overlay.assisting),
                tuple(overlay.copies),
            )
            for overlay in file.overlays
        ),
        recusals=tuple(
            CompiledRecusal(
                recusal.id,
                compile_when(recusal.when, roles, taxonomy),
                frozenset(recusal.lead),
                recusal.investigator,
            )
            for recusal in file.recusals
        ),
        alternatives=file.alternatives,
        branch_pattern=union(file.branch_patterns, {}),
        branch_stop=union(file.branch_stops, {}),
    )
