"""Signatures find near-duplicates and tell strangers apart."""

from __future__ import annotations

from serving.review.signature import BANDS, bands, said
from tests.review.kit import ANNA, BEN, Kit
from tests.triage import build

LONG = (
    "我在贵行办了一张信用卡，上个月开始每个月都被扣十八块钱的权益费，我从来没有开通过，要求全部退还"
)
OTHER = "手机银行转账一直显示处理中，对方两天都没有收到，打客服电话说让我再等等看，太耽误事情了"


def shared(one: str, other: str) -> int:
    return len(set(bands(one)) & set(bands(other)))


def test_the_same_words_share_all_bands_whatever_the_numbers_and_marks() -> None:
    assert shared(LONG, LONG.replace("，", "！ ") + "123") == BANDS


def test_near_duplicates_share_some_and_strangers_none() -> None:
    assert 3 <= shared(LONG, LONG.replace("要求全部退还", "请你们退钱")) < BANDS
    assert shared(LONG, OTHER) == 0


def test_a_text_without_words_has_no_signature() -> None:
    assert bands("123，。！") == ()


def test_what_the_model_said_is_a_key_of_its_own() -> None:
    one = {"product": "B01", "reason": "C01"}
    assert said(one) == said(dict(reversed(one.items())))
    assert said(one) != said({**one, "reason": "C02"})
    assert -(2**63) <= said(one) < 2**63


def test_similar_cases_are_of_like_words_or_of_the_same_kind_and_show_what_was_decided(
    kit: Kit,
) -> None:
    from serving.review import similar

    like = kit.keep(LONG.replace("要求全部退还", "请你们退钱"))
    kin = kit.keep("完全不同的说法，年度费用收得没有道理")
    stranger = kit.keep(OTHER, build.prediction("B0502", "C02"))
    new = kit.keep(LONG)
    for _ in range(3):
        item = kit.need(ANNA)
        labels = {"product": "B03024", "reason": "C06"} if item.complaint_id == like else {}
        kit.submit(ANNA, item, **labels)
    with kit.session() as session:
        told = {"product": "B03022", "reason": "C03", "urgency": "III"}
        found = similar.past(session, new, LONG, told)
    assert [one.complaint_id for one in found] == [like, kin]
    assert found[0].labels["product"] == "B03024"
    assert found[0].changed == ("product", "reason")
    assert found[0].by == "anna"
    assert found[0].alike > 0.5
    assert found[1].kind == "said"
    assert stranger not in {one.complaint_id for one in found}
    assert BEN.who not in {one.by for one in found}
