"""The Decision as JSON, with the field names of the public contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from data.records import Complaint
from data.taxonomy.schema import Head, Taxonomy
from model.classifier import HeadPrediction
from serving.triage.types import Deadline, Decision, Flag, Party, Routing


def decision_json(
    complaint: Complaint,
    complaint_id: str,
    decision: Decision,
    taxonomy: Taxonomy,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """One complete answer, ready to be serialised."""
    labels = {name: label_json(taxonomy[name], p) for name, p in decision.heads.items()}
    if decision.urgency is not None:
        _add_urgency(labels, decision, taxonomy)
    return {
        "complaint_id": complaint_id,
        "external_id": complaint.external_id,
        "received_at": complaint.received_at.isoformat(),
        "labels": labels,
        "flags": flags_json(decision.flags),
        "routing": routing_json(decision.routing),
        "deadlines": deadlines_json(decision.deadlines),
        "review": {
            "needed": decision.review.needed,
            "reasons": list(decision.review.reasons),
            "priority": round(decision.review.priority, 4),
        },
        "truncated": decision.truncated,
        "versions": dict(versions),
    }


def flags_json(flags: Iterable[Flag]) -> list[dict[str, Any]]:
    """The sensitive markers."""
    return [
        {
            "code": flag.code,
            "name": flag.name,
            "hint": flag.hint,
            "evidence": [
                {"start": hit.start, "end": hit.end, "text": hit.text} for hit in flag.evidence
            ],
        }
        for flag in flags
    ]


def routing_json(routing: Routing) -> dict[str, Any]:
    """Who handles."""
    return {
        "lead": _party(routing.lead),
        "assisting": _parties(routing.assisting),
        "investigator": _party(routing.investigator),
        "copies": _parties(routing.copies),
        "branch": routing.branch,
        "rule": routing.rule,
        "alternatives": _parties(routing.alternatives),
    }


def deadlines_json(deadlines: Iterable[Deadline]) -> list[dict[str, Any]]:
    """By when."""
    return [
        {
            "clock": clock.clock,
            "name": clock.name,
            "due_at": clock.due_at.isoformat(),
            "strict_due_at": clock.strict_due_at.isoformat(),
            "basis": clock.basis,
            "statutory": clock.statutory,
            "extension": clock.extension,
            "provisional": clock.provisional,
        }
        for clock in deadlines
    ]


def label_json(head: Head, prediction: HeadPrediction) -> dict[str, Any]:
    """One head's answer."""
    return {
        "code": prediction.code,
        "official_code": head.by_code[prediction.code].official,
        "name": head.by_code[prediction.code].name,
        "path": list(head.path(prediction.code)),
        "confidence": round(prediction.confidence, 4),
        "margin": round(prediction.margin, 4),
        "backed_off": prediction.backed_off,
        "leaf": prediction.leaf,
        "alternatives": [
            {"code": code, "name": head.by_code[code].name, "confidence": round(p, 4)}
            for code, p in prediction.alternatives
        ],
        "evidence": [
            {"start": e.start, "end": e.end, "text": e.text, "weight": e.weight}
            for e in prediction.evidence
        ],
    }


def _add_urgency(labels: dict[str, Any], decision: Decision, taxonomy: Taxonomy) -> None:
    urgency = decision.urgency
    assert urgency is not None  # noqa: S101 - the caller asked
    head = taxonomy[urgency.head]
    labels[urgency.head] |= {
        "code": urgency.code,
        "official_code": head.by_code[urgency.code].official,
        "name": head.by_code[urgency.code].name,
        "path": list(head.path(urgency.code)),
        "model_code": urgency.model_code,
        "rules": list(urgency.rules),
        "rule_evidence": [
            {"rule": hit.rule, "start": hit.start, "end": hit.end, "text": hit.text}
            for hit in urgency.hits
        ],
    }


def _party(party: Party | None) -> dict[str, str] | None:
    return {"code": party.code, "name": party.name} if party else None


def _parties(parties: Iterable[Party]) -> list[dict[str, str]]:
    return [{"code": party.code, "name": party.name} for party in parties]
