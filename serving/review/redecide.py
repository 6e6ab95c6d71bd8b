"""Decide again with the labels that people gave. Pure: the same inputs always give the same answer.

Departments and clocks follow the labels by the policy in force when the complaint was received.
People may choose an urgency below what rules ask for; whoever calls sees to it that they say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.records import Complaint
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import normalise
from serving.answer import deadlines_json, flags_json, routing_json
from serving.triage.conditions import Facts
from serving.triage.decide import given_facts
from serving.triage.policy import Policy
from serving.triage.types import Flag


@dataclass(frozen=True)
class Ground:
    """What of a complaint does not hang on its labels.

    `floor` is the most severe level that rules ask for, None where no rule asks for one.
    """

    complaint: Complaint
    policy: Policy
    taxonomy: Taxonomy
    flags: tuple[Flag, ...]
    branch: str | None
    floor: str | None

    def facts(self, labels: Mapping[str, str]) -> Facts:
        """What routes and clocks are asked about, under these labels."""
        roles, complaint = self.policy.roles, self.complaint
        return Facts(
            product=labels.get(roles.product) if roles.product else None,
            reason=labels.get(roles.reason) if roles.reason else None,
            urgency=labels.get(roles.urgency) if roles.urgency else None,
            flags=frozenset(flag.code for flag in self.flags),
            source=complaint.source,
            channel=complaint.channel,
            segment=complaint.customer_segment,
            branch=self.branch is not None,
        )

    def below_floor(self, labels: Mapping[str, str]) -> bool:
        """Whether the urgency chosen is milder than rules ask for."""
        head = self.policy.roles.urgency
        if head is None or self.floor is None or head not in labels:
            return False
        return self.taxonomy[head].rank(labels[head]) > self.taxonomy[head].rank(self.floor)


@dataclass(frozen=True, slots=True)
class Said:
    """Labels by head that a person gave, and when, in which round."""

    labels: Mapping[str, str]
    by: str
    at: datetime
    round: int = 1


def ground(complaint: Complaint, policy: Policy, taxonomy: Taxonomy) -> Ground:
    """Run the rules over a complaint once."""
    text = normalise(complaint.text)
    findings = policy.rules.evaluate(text, given_facts(complaint))
    head = policy.roles.urgency
    levels = [fired.level for fired in findings.fired if fired.level is not None]
    return Ground(
        complaint=complaint,
        policy=policy,
        taxonomy=taxonomy,
        flags=policy.rules.raised(findings),
        branch=policy.router.branch(complaint.branch, text),
        floor=min(levels, key=taxonomy[head].rank) if head and levels else None,
    )


def redecide(ground: Ground, model: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """The answer that follows from what was said; `model` is the answer as the model gave it."""
    policy, taxonomy = ground.policy, ground.taxonomy
    facts = ground.facts(said.labels)
    labels = {
        name: label(taxonomy[name], told, said.labels.get(name, told["code"]))
        for name, told in model["labels"].items()
    }
    changed = [name for name in labels if labels[name]["code"] != model["labels"][name]["code"]]
    reviewed: dict[str, Any] = {
        "by": said.by,
        "at": said.at.isoformat(),
        "round": said.round,
        "changed": changed,
    }
    if ground.below_floor(said.labels):
        reviewed["below_rules"] = ground.floor
    return {
        **model,
        "labels": labels,
        "flags": flags_json(ground.flags),
        "routing": routing_json(policy.router.route(facts, ground.branch, None)),
        "deadlines": deadlines_json(policy.clocks.deadlines(ground.complaint.received_at, facts)),
        "review": {**model["review"], "needed": False},
        "versions": {**model["versions"], "taxonomy": taxonomy.stamp, "policy": policy.stamp},
        "reviewed": reviewed,
    }


def label(head: Head, told: Mapping[str, Any], code: str) -> dict[str, Any]:
    """One head's answer with the code that a person gave.

    `model_code` says what the model had said; `confidence` is the model's in the code, where it
    gave one, else 0. Evidence spoke for another code, and goes.
    """
    model_code = told.get("model_code") or told["code"]
    if code == told["code"]:
        return {**told, "model_code": model_code}
    known = {other["code"]: other["confidence"] for other in told["alternatives"]}
    return {
        **told,
        "code": code,
        "official_code": head.by_code[code].official,
        "name": head.by_code[code].name,
        "path": list(head.path(code)),
        "confidence": known.get(code, 0.0),
        "backed_off": False,
        "leaf": code,
        "evidence": [],
        "model_code": model_code,
    }
