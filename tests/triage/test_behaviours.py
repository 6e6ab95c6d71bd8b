"""The rules' behaviours, written by hand as data: one text, what must and must not come of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml

from data.text.normalise import normalise
from tests.triage.build import HERE, findings, flags, policy, rule_level

FILES = sorted((HERE / "behaviours").glob("*.yaml"))
CASES: list[dict[str, Any]] = [
    case for path in FILES for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]
GUARD_TAGS = {"negation", "third_party", "hypothetical", "numeral", "amount"}


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:24] for case in CASES])
def test_behaviour(case: dict[str, Any]) -> None:
    found = findings(case["text"])
    seen = (rule_level(found), flags(found), [fired.rule for fired in found.fired])
    assert rule_level(found) == case["urgency"], seen
    assert set(case.get("flags", [])) <= flags(found), seen
    assert flags(found).isdisjoint(case.get("absent", [])), seen


def test_there_are_enough_of_each_kind() -> None:
    tags = Counter(tag for case in CASES for tag in case.get("tags", []))
    assert len(CASES) >= 220
    assert sum(bool(GUARD_TAGS & set(case.get("tags", []))) for case in CASES) >= 80
    assert all(tags[tag] >= 15 for tag in GUARD_TAGS), tags


def test_every_case_is_different_and_says_why() -> None:
    texts = [normalise(case["text"]).text for case in CASES]
    assert len(set(texts)) == len(texts)
    assert all(case["why"] for case in CASES)
    allowed = {"text", "urgency", "flags", "absent", "tags", "why"}
    assert all(set(case) <= allowed for case in CASES)


def test_every_rule_with_a_pattern_is_shown_by_some_case() -> None:
    fired = {hit.rule for case in CASES for hit in findings(case["text"]).fired}
    rules = {rule.id for rule in policy().rules.rules if rule.patterns or rule.quantity}
    assert rules - fired == set()
