from __future__ import annotations

import numpy as np
import pytest

from data.taxonomy.load import load as load_taxonomy
from data.text.normalise import normalise
from model.classifier import HeadPrediction
from serving.triage.conditions import Facts
from serving.triage.urgency import model_level
from tests.triage.build import decided, findings, flags, policy, prediction


def test_a_hit_is_reported_on_what_the_customer_wrote() -> None:
    text = "我  要　起訴 你們！！！！！（ｘ）起訴你們"
    hits = [hit for fired in findings(text).fired for hit in fired.hits]
    assert hits
    assert all(text[hit.start : hit.end] == hit.text for hit in hits)
    assert "起訴" in {hit.text for hit in hits}


def test_a_field_fires_without_evidence() -> None:
    found = findings("年费问题", Facts(source="nfra"))
    assert [(fired.rule, fired.hits) for fired in found.fired] == [("referral", ())]
    assert flags(found) == {"regulator"}
    assert policy().rules.raised(found)[0].evidence == ()


def test_a_suppressed_hit_names_its_guard() -> None:
    found = findings("我不打算起诉")
    assert [(item.hit.text, item.guard, item.reason) for item in found.suppressed] == [
        ("起诉", "negation", "否定")
    ]


def test_hits_per_rule_are_capped() -> None:
    found = findings("我要起诉。" * 50)
    assert [len(fired.hits) for fired in found.fired] == [8]


def test_flags_come_in_file_order_with_all_evidence() -> None:
    found = findings("已报警，再不处理我就起诉，还要曝光，要跳楼")
    codes = [flag.code for flag in policy().rules.raised(found)]
    order = list(policy().rules.flags)
    assert codes == sorted(codes, key=order.index)
    assert {"police", "judicial", "media", "extreme"} <= set(codes)


def test_a_hint_sets_its_flag_and_raises_nothing() -> None:
    decision = decided("投诉人:甲 被投诉人:乙银行 诉求如下:退年费", prediction(urgency="IV"))
    assert decision.urgency is not None
    assert decision.urgency.code == "IV"
    assert [(flag.code, flag.hint) for flag in decision.flags] == [("template", True)]
    assert "hint:template" in decision.review.reasons


def test_urgency_names_the_rules_that_would_set_it_alone() -> None:
    urgency = decided("刚刚被骗转账两万，快帮我止付，我要报警").urgency
    assert urgency is not None
    assert (urgency.head, urgency.code, urgency.model_code) == ("urgency", "I", "III")
    assert urgency.rules == ("loss_in_progress", "stop_payment", "stop_now")
    assert {hit.rule for hit in urgency.hits} == set(urgency.rules)


@pytest.mark.parametrize(
    ("chances", "at", "expected"),
    [
        ((0.05, 0.35, 0.5, 0.1), None, "III"),
        ((0.05, 0.35, 0.5, 0.1), 0.3, "II"),
        ((0.05, 0.35, 0.5, 0.1), 0.45, "III"),
        ((0.3, 0.2, 0.5, 0.0), 0.3, "I"),
        ((0.1, 0.15, 0.15, 0.6), 0.3, "III"),
        # Never less severe than the likeliest level, however high the threshold.
        ((0.45, 0.2, 0.2, 0.15), 0.5, "I"),
    ],
)
def test_the_model_asks_for_a_level_that_is_likely_enough(
    chances: tuple[float, ...], at: float | None, expected: str
) -> None:
    head = load_taxonomy()["urgency"]
    probabilities = np.array(chances, dtype=np.float32)
    best = head.leaves[int(probabilities.argmax())]
    said = HeadPrediction(head.name, best, max(chances), best, False, probabilities, (), ())
    assert model_level(head, said, at) == expected


def test_the_model_alone_can_raise() -> None:
    urgency = decided("年费", prediction(urgency="I")).urgency
    assert urgency is not None
    assert (urgency.code, urgency.rules, urgency.hits) == ("I", (), ())


def test_a_guard_does_not_reach_over_a_connective() -> None:
    splitter = policy().rules.splitter
    clauses = splitter.split(normalise("我没有投诉过但是我要起诉").text)
    assert clauses.clause_cuts == (6,)
    assert clauses.around(9, 11, "clause") == (6, 12)
    assert clauses.around(9, 11, "sentence") == (0, 12)
    assert clauses.around(9, 11, "text") == (0, 12)


def test_all_in_text_asks_for_one_of_each_list() -> None:
    # enquiry_unknown wants a credit report and a missing authorisation, wherever they stand.
    enquiry = "报告上有一条贷后管理查询。别的都没有问题。"
    assert "enquiry_unknown" not in {item.rule for item in findings(enquiry).fired}
    whole = enquiry + "我从没贷过款,征信怎么会这样?"
    assert "enquiry_unknown" in {item.rule for item in findings(whole).fired}
