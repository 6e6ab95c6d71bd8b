"""Answer labelled texts as the service would: prediction, decision, and what the labels ask for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.labelled import LabelledText
from data.records import Complaint
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText, normalise
from model.classifier import Classifier, Prediction
from serving.triage.conditions import Facts
from serving.triage.decide import decide_from, given_facts
from serving.triage.policy import Policy, PolicySet
from serving.triage.types import Decision


@dataclass(frozen=True, slots=True)
class Gold:
    """What the labels of a text ask for, by the same rules, fields and policy.

    `lead` is the department of the labels, `leads` those of every second reading too; None where
    routing depends on a head that the text is not labelled for. `deadlines` likewise.
    """

    lead: str | None
    lead_name: str | None
    leads: frozenset[str]
    deadlines: tuple[tuple[str, datetime], ...] | None


@dataclass(frozen=True, slots=True)
class Answered:
    """One labelled text with everything decided about it."""

    item: LabelledText
    complaint: Complaint
    text: NormalisedText
    prediction: Prediction
    decision: Decision
    gold: Gold


def answer(
    classifier: Classifier,
    policies: PolicySet,
    cases: Sequence[LabelledText],
    received_at: datetime,
    on_text: Callable[[int], None] = lambda _: None,
) -> list[Answered]:
    """Decide every text; `received_at` stands in where a text has no `received_at` of its own."""
    found = []
    for done, item in enumerate(cases, 1):
        found.append(_answer(classifier, policies, item, received_at))
        on_text(done)
    return found


def _answer(
    classifier: Classifier, policies: PolicySet, item: LabelledText, received_at: datetime
) -> Answered:
    taxonomy = classifier.taxonomy
    complaint = complaint_of(item, taxonomy, received_at)
    policy = policies.at(complaint.received_at)
    text = normalise(item.text)
    prediction = classifier.predict(text)
    findings = policy.rules.evaluate(text, given_facts(complaint))
    decision = decide_from(complaint, text, prediction, policy, taxonomy, findings)
    return Answered(
        item, complaint, text, prediction, decision, _gold(item, complaint, decision, policy)
    )


def complaint_of(item: LabelledText, taxonomy: Taxonomy, received_at: datetime) -> Complaint:
    """A labelled text as a complaint, with the columns the taxonomy's code lists know."""
    return Complaint(
        text=item.text,
        received_at=_time(item.meta.get("received_at")) or received_at,
        source=_code(item.meta, "source", taxonomy),
        channel=_code(item.meta, "channel", taxonomy),
        branch=_text(item.meta.get("branch")),
        customer_segment=_code(item.meta, "customer_segment", taxonomy),
    )


def _gold(item: LabelledText, complaint: Complaint, decision: Decision, policy: Policy) -> Gold:
    """Rules set flags on both sides; they do not touch the urgency that was labelled."""
    roles = policy.roles
    given = given_facts(complaint)
    urgency = item.labels.get(roles.urgency) if roles.urgency else None
    labelled = [role for role in (roles.product, roles.reason) if role]
    readings = [item.readings(role) if role in item.labels else () for role in labelled]
    if not all(readings) or not (labelled or roles.urgency):
        return Gold(None, None, frozenset(), None)
    final = urgency or (decision.urgency.code if decision.urgency else None)
    branch = decision.routing.branch is not None
    flags = frozenset(flag.code for flag in decision.flags)
    facts = [
        Facts(
            product=codes.get(roles.product or ""),
            reason=codes.get(roles.reason or ""),
            urgency=final,
            flags=flags,
            source=given.source,
            channel=given.channel,
            segment=given.segment,
            branch=branch,
        )
        for combination in itertools.product(*readings)
        for codes in [dict(zip(labelled, combination, strict=True))]
    ]
    leads = [(policy.router.resolve(each) or policy.router.routes[-1]).lead for each in facts]
    timed = roles.urgency is None or urgency is not None
    return Gold(
        lead=leads[0],
        lead_name=policy.router.party(leads[0]).name,
        leads=frozenset(leads),
        deadlines=_due(policy, complaint, facts[0]) if timed else None,
    )


def _due(policy: Policy, complaint: Complaint, facts: Facts) -> tuple[tuple[str, datetime], ...]:
    clocks = policy.clocks.deadlines(complaint.received_at, facts)
    return tuple((clock.clock, clock.due_at) for clock in clocks)


def _code(meta: Any, name: str, taxonomy: Taxonomy) -> str | None:
    value = _text(meta.get(name))
    codes = taxonomy.fields.get(name)
    return value if codes is None or value in codes.codes else None


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None


def _time(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
