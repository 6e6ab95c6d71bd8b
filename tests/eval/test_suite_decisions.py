from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import FileFormatError
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from eval.suite.answers import Answered, answer, complaint_of
from eval.suite.costs import Costs, costs_for, load_costs
from eval.suite.decisions import DecisionArrays, decision_result
from eval.suite.urgent import urgent_levels
from serving.triage.policy import PolicySet, packs_for
from serving.triage.policy import load as load_policy
from tests.conftest import two_labels
from tests.eval.suite_kit import WHEN, Told, knowing, suite

TEXTS = [
    LabelledText(
        "fraud", "信用卡被人盗刷了三万", {"product": "B03026", "reason": "C10", "urgency": "I"}
    ),
    LabelledText(
        "card", "年费说好免的又扣", {"product": "B03021", "reason": "C07", "urgency": "III"}
    ),
    LabelledText("praise", "柜员很耐心", {"product": "B9999", "reason": "C99", "urgency": "IV"}),
    LabelledText("part", "没说清楚", {"reason": "C05"}),
]


@pytest.fixture(scope="module")
def policies(taxonomy: Taxonomy) -> PolicySet:
    return load_policy(packs_for(taxonomy), taxonomy)


def answered(
    taxonomy: Taxonomy, policies: PolicySet, answers: Callable[[str], Mapping[str, str]]
) -> list[Answered]:
    return answer(Told(taxonomy, answers), policies, TEXTS, WHEN)


def measured(
    taxonomy: Taxonomy, policies: PolicySet, found: list[Answered]
) -> tuple[dict[str, float], DecisionArrays, Costs]:
    policy = policies.at(WHEN)
    costs = costs_for(suite(), taxonomy, list(policy.router.departments))
    urgent = urgent_levels(taxonomy["urgency"], policy)
    arrays = DecisionArrays.of(found, costs, policy.roles.urgency, urgent)
    return arrays.measure(np.ones(len(found))), arrays, costs


def test_labels_answered_rightly_are_routed_rightly(
    taxonomy: Taxonomy, policies: PolicySet
) -> None:
    found = answered(taxonomy, policies, knowing(TEXTS))
    figures, _, costs = measured(taxonomy, policies, found)
    assert figures["lead_right"] == figures["lead_lenient"] == 1.0
    assert figures["deadlines_right"] == 1.0
    assert figures["urgent_missed"] == figures["urgent_missed_unseen"] == 0.0
    reviewed = [each.decision.review.needed for each in found if each.gold.lead]
    assert figures["misrouting_cost"] == pytest.approx(costs.review * np.mean(reviewed))
    # Half a label tells nothing of routing, and leaves no gold.
    assert found[3].gold.lead is None
    assert found[0].gold.lead_name


def test_a_silent_misroute_costs_more_than_a_reviewed_one(
    taxonomy: Taxonomy, policies: PolicySet
) -> None:
    wrong = {"product": "B01", "reason": "C07", "urgency": "IV"}
    found = answered(taxonomy, policies, lambda _: wrong)
    figures, arrays, costs = measured(taxonomy, policies, found)
    assert figures["lead_right"] < 1.0
    card = found[1]
    assert card.gold.lead is not None
    silent = replace(card.decision, review=replace(card.decision.review, needed=False, reasons=()))
    seen = replace(silent, review=replace(silent.review, needed=True))
    assert costs.of(silent, card.gold.lead) > costs.of(seen, card.gold.lead) > costs.review
    result = decision_result(found, None, arrays, {}, "p", costs, 3)
    assert {each.gold_name for each in result.misroutes} >= {"信用卡中心"}
    assert [m.cost for m in result.misroutes] == sorted(
        (m.cost for m in result.misroutes), reverse=True
    )
    assert result.urgent_texts == 1


def test_rules_save_what_the_model_misses(taxonomy: Taxonomy, policies: PolicySet) -> None:
    low = {"product": "B03026", "reason": "C10", "urgency": "IV"}
    texts = [
        LabelledText("now", "骗子正在转走我的钱，快冻结", {**low, "urgency": "I"}),
        LabelledText("calm", "我很着急但没说什么事", {**low, "urgency": "I"}),
    ]
    found = answer(Told(taxonomy, lambda _: low), policies, texts, WHEN)
    urgent = urgent_levels(taxonomy["urgency"], policies.at(WHEN))
    costs = costs_for(suite(), taxonomy, ())
    arrays = DecisionArrays.of(found, costs, "urgency", urgent)
    assert arrays.means["urgent_missed"].tolist() == [0.0, 1.0]
    assert arrays.means["deadlines_right"][1] == 0.0


def test_second_readings_count_leniently(taxonomy: Taxonomy, policies: PolicySet) -> None:
    item = replace(TEXTS[1], alternatives={"product": ("B0201",)})
    told = Told(taxonomy, lambda _: {"product": "B0201", "reason": "C07", "urgency": "III"})
    found = answer(told, policies, [item], WHEN)
    figures, _, _ = measured(taxonomy, policies, found)
    assert (figures["lead_right"], figures["lead_lenient"]) == (0.0, 1.0)


def test_columns_become_fields_where_the_taxonomy_knows_them(taxonomy: Taxonomy) -> None:
    meta = {
        "source": "pbc",
        "channel": "complaint_platform",
        "received_at": "2026-02-03T04:05:06+08:00",
    }
    complaint = complaint_of(replace(TEXTS[0], meta=meta), taxonomy, WHEN)
    assert (complaint.source, complaint.channel) == ("pbc", None)
    assert complaint.received_at.month == 2
    assert (
        complaint_of(replace(TEXTS[0], meta={"received_at": "soon"}), taxonomy, WHEN).received_at
        == WHEN
    )


def test_where_nothing_depends_on_labels_nothing_is_counted() -> None:
    two, _ = two_labels()
    policies = load_policy(packs_for(two), two)
    item = LabelledText("1", "好", {"mood": "good"})
    found = answer(Told(two, lambda _: {"mood": "good"}), policies, [item], WHEN)
    arrays = DecisionArrays.of(found, costs_for(suite(), two, ()), None, frozenset())
    figures = arrays.measure(np.ones(1))
    assert np.isnan(figures["lead_right"])
    assert np.isnan(figures["urgent_missed"])
    assert figures["review_rate"] in (0.0, 1.0)


def test_urgent_levels_come_from_policy_config_or_severity(
    taxonomy: Taxonomy, policies: PolicySet
) -> None:
    head, policy = taxonomy["urgency"], policies.at(WHEN)
    assert urgent_levels(head, policy) == {"I", "II"}
    assert urgent_levels(head, policy, {"urgency": ["I"]}) == {"I"}
    assert urgent_levels(taxonomy["product"], policy) == frozenset()
    other = replace(policy, roles=policy.roles.model_copy(update={"urgency": None}))
    assert urgent_levels(head, other) == {"I", "II"}


def test_costs_are_checked(tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "{version: '1', right: 0, review: 1, reviewed_wrong: 1, wrong: 2, assisted: 1, "
        "pairs: [{gold: [nowhere], cost: 9}]}",
        encoding="utf-8",
    )
    config = suite(costs="mine.yaml").model_copy(update={"directory": tmp_path})
    with pytest.raises(FileFormatError, match="nowhere"):
        costs_for(config, taxonomy, ["legal"])
    assert costs_for(config, taxonomy, ["nowhere"]).wrong == 2
    path.write_text("{version: '1'}")
    with pytest.raises(FileFormatError, match="right"):
        load_costs(path)
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_costs(tmp_path / "none.yaml")
