"""Why a text is decided as it is: what fired, what was taken back and by which guard."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from data.records import Complaint
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import Prediction
from serving.triage.decide import decide_from, given_facts
from serving.triage.policy import Policy
from serving.triage.rules import Fired, Suppressed
from serving.triage.types import Decision, Flag


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity as it was read, with its span of the original text."""

    kind: str
    value: float
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Explanation:
    """What the rules made of a text; `decision` only where a prediction was given.

    `considered` are the routes in the order they were asked, the last one being the one taken.
    """

    policy: str
    normalised: str
    fired: tuple[Fired, ...]
    suppressed: tuple[Suppressed, ...]
    flags: tuple[Flag, ...]
    quantities: tuple[Measured, ...]
    clauses: tuple[str, ...]
    branch: str | None
    considered: tuple[str, ...]
    decision: Decision | None


def explain(
    complaint: Complaint,
    text: NormalisedText,
    policy: Policy,
    taxonomy: Taxonomy,
    prediction: Prediction | None = None,
) -> Explanation:
    """Run the rules, and with a prediction the whole decision, and keep every step."""
    findings = policy.rules.evaluate(text, given_facts(complaint))
    decision = None
    if prediction is not None:
        decision = decide_from(complaint, text, prediction, policy, taxonomy, findings)
    return Explanation(
        policy=policy.stamp,
        normalised=text.text,
        fired=findings.fired,
        suppressed=findings.suppressed,
        flags=policy.rules.raised(findings),
        quantities=tuple(
            _measured(text, quantity.kind, quantity.value, quantity.start, quantity.end)
            for quantity in findings.quantities
        ),
        clauses=_clauses(policy, text),
        branch=policy.router.branch(complaint.branch, text),
        considered=_considered(policy, decision),
        decision=decision,
    )


def _measured(text: NormalisedText, kind: str, value: float, start: int, end: int) -> Measured:
    first, last = text.span(start, end)
    return Measured(kind, value, first, last, text.original[first:last])


def _clauses(policy: Policy, text: NormalisedText) -> tuple[str, ...]:
    cuts = policy.rules.splitter.split(text.text).clause_cuts
    bounds = [0, *cuts, len(text.text)]
    pieces = (text.text[a:b] for a, b in itertools.pairwise(bounds))
    return tuple(piece for piece in pieces if piece)


def _considered(policy: Policy, decision: Decision | None) -> tuple[str, ...]:
    if decision is None:
        return ()
    ids = [route.id for route in policy.router.routes]
    return tuple(ids[: ids.index(decision.routing.rule) + 1])
