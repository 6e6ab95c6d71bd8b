"""Decisions as the service would have answered them, for made-up cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from data.taxonomy.schema import Taxonomy
from serving.triage.policy import Policy


def decision(case: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a case's decision."""
    return {
        "id": case["complaint_id"],
        "complaint_id": case["complaint_id"],
        "body": orjson.dumps(answer),
        "created_at": case["received_at"],
        **{f"{name}_version": version for name, version in answer["versions"].items()},
    }


def answered(
    case: Mapping[str, Any],
    codes: Mapping[str, str],
    clocks: Sequence[Mapping[str, Any]],
    taxonomy: Taxonomy,
    policy: Policy,
) -> dict[str, Any]:
    """What the service would have answered: every field of the public contract."""
    return {
        "complaint_id": case["complaint_id"],
        "external_id": None,
        "received_at": case["received_at"].isoformat(),
        "labels": {
            name: _label(taxonomy, policy, name, code, case["confidence"] + 0.05 * place)
            for place, (name, code) in enumerate(codes.items())
        },
        "flags": [
            {"code": code, "name": code, "hint": False, "evidence": []} for code in case["flags"]
        ],
        "routing": _routing(case),
        "deadlines": [_deadline(policy, clock) for clock in clocks],
        "review": {
            "needed": not case["automatic"],
            "reasons": case["reasons"],
            "priority": case["priority"],
        },
        "truncated": False,
        "versions": {
            "model": case["model_version"],
            "taxonomy": taxonomy.stamp,
            "policy": policy.stamp,
        },
    }


def _label(
    taxonomy: Taxonomy, policy: Policy, head: str, code: str, confidence: float
) -> dict[str, Any]:
    found = taxonomy[head]
    label = {
        "code": code,
        "official_code": None,
        "name": found.by_code[code].name,
        "path": list(found.path(code)),
        "confidence": round(min(0.99, confidence), 4),
        "margin": 0.5,
        "backed_off": code in found.parents,
        "leaf": code,
        "alternatives": [
            {"code": other, "name": found.by_code[other].name, "confidence": 0.05}
            for other in found.leaves[:4]
            if other != code
        ],
        "evidence": [],
    }
    if head == policy.roles.urgency:
        label |= {"model_code": code, "rules": [], "rule_evidence": []}
    return label


def _routing(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lead": {"code": case["lead"], "name": case["lead"]},
        "assisting": [],
        "investigator": None,
        "copies": [],
        "branch": case["branch"],
        "rule": "bench",
        "alternatives": [],
    }


def _deadline(policy: Policy, clock: Mapping[str, Any]) -> dict[str, Any]:
    known = next(one for one in policy.pack.deadlines.clocks if one.id == clock["clock"])
    return {
        "clock": known.id,
        "name": known.name,
        "due_at": clock["due_at"].isoformat(),
        "strict_due_at": clock["strict_due_at"].isoformat(),
        "basis": known.basis,
        "statutory": clock["statutory"],
        "extension": False,
        "provisional": False,
    }
