"""Which decisions a person must see (人工复核), why, and in what order."""

from __future__ import annotations

import hashlib

from data.taxonomy.schema import Head
from model.classifier import Prediction
from serving.triage.rules import Findings
from serving.triage.schema import ReviewFile
from serving.triage.types import Flag, Review, Urgency


def review(
    policy: ReviewFile,
    prediction: Prediction,
    urgency: Urgency | None,
    urgency_head: Head | None,
    findings: Findings,
    flags: tuple[Flag, ...],
    audit_key: str,
) -> Review:
    """Decide whether, why and how soon a person looks. Reasons are stable codes."""
    reasons = [
        *_uncertain(policy, prediction, urgency),
        *_underrated(policy, prediction, urgency, urgency_head),
        *_unfamiliar(policy, prediction),
        *_urgent(policy, urgency, urgency_head, findings),
        *(f"hint:{flag.code}" for flag in flags if flag.code in policy.hints),
    ]
    if _audited(audit_key, policy.audit_share):
        reasons.append("audit_sample")
    priority = _priority(policy, prediction, urgency) if reasons else 0.0
    return Review(bool(reasons), tuple(dict.fromkeys(reasons)), priority)


def _uncertain(policy: ReviewFile, prediction: Prediction, urgency: Urgency | None) -> list[str]:
    # Where the policy says how likely a more severe level may be, that is what is asked of the
    # urgency head: whether it is III or IV the model doubts is nobody's worry.
    skipped = urgency.head if urgency and policy.more_severe is not None else None
    reasons = [f"low_confidence:{name}" for name in prediction.unsure if name != skipped]
    for name, head in prediction.heads.items():
        if name == skipped:
            continue
        if head.margin < policy.margins.get(name, policy.margin):
            reasons.append(f"ambiguous:{name}")
        if policy.backed_off and head.backed_off:
            reasons.append(f"backed_off:{name}")
    return reasons


def _underrated(
    policy: ReviewFile, prediction: Prediction, urgency: Urgency | None, head: Head | None
) -> list[str]:
    """Whether the model still sees a fair chance of a level above the final one."""
    if urgency is None or head is None or policy.more_severe is None:
        return []
    above = prediction.heads[urgency.head].probabilities[: head.rank(urgency.code)]
    return ["maybe_more_urgent"] if float(above.sum()) >= policy.more_severe else []


def _unfamiliar(policy: ReviewFile, prediction: Prediction) -> list[str]:
    novel = (
        policy.novelty is not None
        and prediction.novelty is not None
        and prediction.novelty >= policy.novelty
    )
    checks = (
        (novel, "novel"),
        (prediction.unknown_rate >= policy.unknown_rate, "unknown_words"),
        (policy.truncated and prediction.truncated, "truncated"),
    )
    return [reason for holds, reason in checks if holds]


def _urgent(
    policy: ReviewFile, urgency: Urgency | None, head: Head | None, findings: Findings
) -> list[str]:
    if urgency is None or head is None:
        return []
    reasons = []
    raised = head.rank(urgency.model_code) - head.rank(urgency.code)
    levels = [head.rank(fired.level) for fired in findings.fired if fired.level is not None]
    unsupported = urgency.model_code in policy.needs_rule and not any(
        level <= max(head.rank(code) for code in policy.needs_rule) for level in levels
    )
    if raised >= policy.disagreement_levels or unsupported:
        reasons.append("rule_model_disagreement")
    if urgency.code in policy.always:
        reasons.append("urgent")
    return reasons


def _audited(key: str, share: float) -> bool:
    """Whether `key` falls into the audit sample: the same key always answers the same."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) < share * 2.0**64


def _priority(policy: ReviewFile, prediction: Prediction, urgency: Urgency | None) -> float:
    weights = policy.priority
    level = weights.no_level
    if urgency is not None:
        level = weights.levels.get(urgency.code, weights.no_level)
    doubt = max((1.0 - head.confidence for head in prediction.heads.values()), default=0.0)
    share = weights.urgency_share
    return round(min(1.0, max(0.0, share * level + (1.0 - share) * doubt)), 4)
