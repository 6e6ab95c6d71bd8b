"""From a prediction to a decision. Pure: the same inputs always give the same answer."""

from __future__ import annotations

from data.records import Complaint
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import Prediction
from serving.triage.conditions import Facts
from serving.triage.policy import Policy
from serving.triage.review import review
from serving.triage.rules import Findings
from serving.triage.types import Decision
from serving.triage.urgency import final_urgency


def decide(
    complaint: Complaint,
    text: NormalisedText,
    prediction: Prediction,
    policy: Policy,
    taxonomy: Taxonomy,
    *,
    audit_key: str | None = None,
) -> Decision:
    """Decide everything about one complaint.

    `text` is `complaint.text` normalised. `audit_key` (e.g. the complaint's id) draws the random
    audit sample; without one the text itself does.
    """
    findings = policy.rules.evaluate(text, given_facts(complaint))
    return decide_from(complaint, text, prediction, policy, taxonomy, findings, audit_key=audit_key)


def given_facts(complaint: Complaint) -> Facts:
    """What the complaint's own fields say."""
    return Facts(
        source=complaint.source,
        channel=complaint.channel,
        segment=complaint.customer_segment,
        branch=bool(complaint.branch and complaint.branch.strip()),
    )


def decide_from(
    complaint: Complaint,
    text: NormalisedText,
    prediction: Prediction,
    policy: Policy,
    taxonomy: Taxonomy,
    findings: Findings,
    *,
    audit_key: str | None = None,
) -> Decision:
    """As `decide`, with the rules already run."""
    roles = policy.roles
    heads = prediction.heads
    product = heads.get(roles.product) if roles.product else None
    reason = heads.get(roles.reason) if roles.reason else None
    urgency_head = taxonomy[roles.urgency] if roles.urgency else None
    urgency = (
        final_urgency(urgency_head, heads[urgency_head.name], findings, policy.review.severe_at)
        if urgency_head is not None and urgency_head.name in heads
        else None
    )
    flags = policy.rules.raised(findings)
    branch = policy.router.branch(complaint.branch, text)
    facts = Facts(
        product=product.code if product else None,
        reason=reason.code if reason else None,
        urgency=urgency.code if urgency else None,
        flags=frozenset(flag.code for flag in flags),
        source=complaint.source,
        channel=complaint.channel,
        segment=complaint.customer_segment,
        branch=branch is not None,
    )
    return Decision(
        heads=heads,
        urgency=urgency,
        flags=flags,
        routing=policy.router.route(facts, branch, product),
        deadlines=policy.clocks.deadlines(complaint.received_at, facts),
        review=review(
            policy.review,
            prediction,
            urgency,
            urgency_head,
            findings,
            flags,
            audit_key if audit_key is not None else text.original,
        ),
        truncated=prediction.truncated,
        policy=policy.stamp,
    )
