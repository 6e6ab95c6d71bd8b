"""Small builders, so that a test states only what it is about."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from data.records import Complaint
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.load import parse
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import normalise
from model.classifier import HeadPrediction, Prediction
from serving.triage.conditions import Facts
from serving.triage.decide import decide
from serving.triage.policy import PACKS, Policy, PolicySet, load
from serving.triage.rules import Findings
from serving.triage.types import Decision

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 6, 3, 9, 30, tzinfo=SHANGHAI)
JRT = PACKS / "jrt0169"
HERE = Path(__file__).parent

TWO_LABELS = """
id: pets
version: "1"
title: 宠物
heads:
  - name: animal
    kind: flat
    title: 动物
    labels:
      - {code: cat, name: 猫}
      - {code: dog, name: 狗}
""".encode()


@cache
def taxonomy() -> Taxonomy:
    return load_taxonomy()


@cache
def pets() -> Taxonomy:
    return parse(TWO_LABELS, name="pets.yaml")


@cache
def policies() -> PolicySet:
    return load(JRT, taxonomy())


def policy() -> Policy:
    return policies().at(NOW)


def findings(text: str, facts: Facts | None = None) -> Findings:
    return policy().rules.evaluate(normalise(text), facts or Facts())


def rule_level(found: Findings) -> str:
    """The level the rules alone would give; III where none fires."""
    levels = [fired.level for fired in found.fired if fired.level]
    return min([*levels, "III"], key=["I", "II", "III", "IV"].index)


def flags(found: Findings) -> set[str]:
    return {flag.code for flag in policy().rules.raised(found)}


def head_prediction(
    head: Head,
    code: str,
    confidence: float = 0.9,
    *,
    second: str | None = None,
    margin: float | None = None,
) -> HeadPrediction:
    """An answer: `code` with `confidence`, the rest on `second` or spread evenly."""
    leaf = head.leaves[head.leaves_under[code][0]]
    probabilities = np.full(len(head.leaves), 0.0, dtype=np.float32)
    if second is None:
        probabilities[:] = (1.0 - confidence) / max(1, len(head.leaves) - 1)
    else:
        probabilities[head.leaf_index[second]] = 1.0 - confidence
    top = confidence
    if margin is not None and second is not None:
        top = (1.0 + margin) / 2
        probabilities[head.leaf_index[second]] = 1.0 - top
    probabilities[head.leaf_index[leaf]] = top
    return HeadPrediction(
        head=head.name,
        code=code,
        confidence=confidence,
        leaf=leaf,
        backed_off=code != leaf,
        probabilities=probabilities,
        alternatives=((second, 1.0 - confidence),) if second else (),
        evidence=(),
    )


def prediction(
    product: str = "B03022",
    reason: str = "C03",
    urgency: str = "III",
    *,
    confidence: float = 0.9,
    unsure: tuple[str, ...] = (),
    truncated: bool = False,
    unknown_rate: float = 0.0,
    novelty: float | None = None,
    second_product: str | None = None,
) -> Prediction:
    own = taxonomy()
    return Prediction(
        heads={
            "product": head_prediction(own["product"], product, confidence, second=second_product),
            "reason": head_prediction(own["reason"], reason, confidence),
            "urgency": head_prediction(own["urgency"], urgency, confidence),
        },
        unsure=unsure,
        truncated=truncated,
        unknown_rate=unknown_rate,
        novelty=novelty,
    )


def complaint(text: str = "年费为什么扣了", **fields: str | datetime | None) -> Complaint:
    values = {"received_at": NOW, **fields}
    return Complaint(text=text, **values)  # type: ignore[arg-type]


def decided(
    text: str = "年费为什么扣了",
    answer: Prediction | None = None,
    *,
    audit_key: str = "key-0",
    **fields: str | datetime | None,
) -> Decision:
    """A whole decision. The default audit key is not in the audit sample."""
    case = complaint(text, **fields)
    return decide(
        case,
        normalise(text),
        answer or prediction(),
        policies().at(case.received_at),
        taxonomy(),
        audit_key=audit_key,
    )
