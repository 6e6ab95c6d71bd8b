from __future__ import annotations

import pytest

from data.text.normalise import normalise
from serving.triage.check import table
from tests.triage.build import HERE, decided, policy, prediction, taxonomy

GOLDEN = HERE / "golden" / "routing.txt"


def written_out() -> str:
    rows = table(policy(), taxonomy(), leaves_only=True)
    return "".join(f"{row.product} {row.reason} {row.lead} {row.route}\n" for row in rows)


def test_every_leaf_and_reason_goes_where_someone_chose() -> None:
    """To accept a change: write `written_out()` to the golden file and read the difference."""
    assert written_out() == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("product", "reason", "fields", "lead"),
    [
        ("B03026", "C10", {}, "credit_card_center"),
        ("B03015", "C10", {}, "anti_fraud"),
        ("B0505", "C10", {}, "anti_fraud"),
        ("B0201", "C03", {}, "retail_credit"),
        ("B0205", "C03", {}, "inclusive_finance"),
        ("B0299", "C03", {"customer_segment": "corporate"}, "corporate_banking"),
        ("B0501", "C03", {"customer_segment": "corporate"}, "operations"),
        ("B1201", "C12", {}, "credit_card_center"),
        ("B1202", "C12", {}, "asset_preservation"),
        ("B04", "C08", {}, "wealth_management"),
        ("B9902", "C01", {"branch": "城东支行"}, "branch_outlet"),
        ("B9902", "C01", {"channel": "A0101"}, "branch_outlet"),
        ("B9902", "C01", {"source": "counter"}, "branch_outlet"),
        ("B9902", "C01", {"channel": "A01032"}, "call_center"),
        ("B9903", "C01", {}, "call_center"),
        ("B0904", "C11", {}, "legal"),
        ("B9999", "C99", {}, "consumer_protection"),
        ("B03", "C03", {}, "personal_finance"),
        ("B02", "C07", {}, "retail_credit"),
    ],
)
def test_lead(product: str, reason: str, fields: dict[str, str], lead: str) -> None:
    assert decided("投诉", prediction(product, reason), **fields).routing.lead.code == lead


def test_a_branch_complained_of_does_not_look_into_itself() -> None:
    routing = decided("柜员态度差", prediction("B9902", "C01"), branch="城东支行").routing
    assert routing.branch == "城东支行"
    assert routing.investigator is not None
    assert routing.investigator.code == "branch_management"


def test_staff_misconduct_goes_to_discipline() -> None:
    routing = decided("理财经理飞单", prediction("B04", "C04")).routing
    assert routing.investigator is not None
    assert routing.investigator.code == "discipline"
    assert {"discipline", "human_resources"} <= {party.code for party in routing.copies}


def test_nobody_is_named_twice() -> None:
    text = "刚刚被盗刷，已报警，不处理就曝光，个人信息也被泄露"
    routing = decided(text, prediction("B03015", "C10")).routing
    named = [routing.lead, *routing.assisting, *routing.copies]
    codes = [party.code for party in named]
    assert len(set(codes)) == len(codes)
    assert all(party.name for party in named)


def test_level_one_is_copied_to_those_who_must_know() -> None:
    copies = {party.code for party in decided("我要跳楼").routing.copies}
    assert {"general_office", "security", "executive", "consumer_protection"} <= copies


def test_alternatives_are_other_leads_of_the_next_labels() -> None:
    routing = decided("x", prediction("B03022", "C03", second_product="B0204")).routing
    assert [party.code for party in routing.alternatives] == ["retail_credit"]
    same = decided("x", prediction("B03022", "C03", second_product="B03023")).routing
    assert same.alternatives == ()


@pytest.mark.parametrize(
    ("text", "branch"),
    [
        ("我上周去了城东支行办业务", "城东支行"),
        ("投诉中国银行北京朝阳支行柜员", "中国银行北京朝阳支行"),
        ("在人民路分理处排了两小时", "人民路分理处"),
        ("附近的支行都关门了", None),
        ("你们支行态度差", None),
        ("客服态度差", None),
        ("去了两家支行都不给办", None),
        ("这事麻烦转给分行再看看", None),
        ("整个分行没人接电话", None),
        ("我们县支行早撤了", None),
        ("营业部的人换了三个", None),
        ("请梧桐路支行给我一个说法", "梧桐路支行"),
        ("贵行让我去问支行，可是青石桥支行说不归他们管", "青石桥支行"),
    ],
)
def test_branch_in_the_text(text: str, branch: str | None) -> None:
    assert policy().router.branch(None, normalise(text)) == branch


def test_a_given_branch_wins() -> None:
    assert policy().router.branch(" 城西支行 ", normalise("我去了城东支行")) == "城西支行"
    assert policy().router.branch("  ", normalise("我去了城东支行")) == "城东支行"
