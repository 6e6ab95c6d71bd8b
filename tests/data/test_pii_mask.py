from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.pii.mask import PERSONAL, mask
from tests.data.test_pii import LANDLINE, MESSY, MOBILE, bank_card, id_card


def masked(text: str) -> str:
    return mask(text).text


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        (f"电话{MOBILE}，", "电话138****5678，"),
        (f"+86 {MOBILE}", "+86138****5678"),
        ("一三八零零零零五六七八打的", "138****5678打的"),
        (f"打{LANDLINE}转801", "打010-****0000"),
        (f"({LANDLINE[:3]}){LANDLINE[3:]}", "(010)****0000"),
        ("家里电话：66660000", "家里电话：****0000"),
        ("邮箱Zhang.San@example.com", "邮箱Z***@example.com"),
        ("邮箱a@example.com", "邮箱***@example.com"),
        ("护照E00000001", "护照E****0001"),
        ("京A00012和京AD00012", "京A***12和京A****12"),
        ("账号：AB00001234", "账号：******1234"),
        ("QQ：1000001", "QQ：1******"),
        ("微信：abc_0001", "微信：a*******"),
        ("户名：张三，我叫李建国。", "户名：张*，我叫李**。"),
        ("住在北京市海淀区某大街1号院2号楼301室", "住在北京市海淀区****"),
    ],
)
def test_readable(text: str, readable: str) -> None:
    assert masked(text) == readable


def test_cards_keep_their_length() -> None:
    assert masked(id_card()) == f"110***********{id_card()[-4:]}"
    assert masked(bank_card()) == f"6222***********{bank_card()[-4:]}"
    grouped = " ".join(bank_card()[i : i + 4] for i in range(0, 19, 4))
    assert masked(f"卡{grouped}。") == f"卡6222***********{bank_card()[-4:]}。"


@pytest.mark.parametrize(
    "text",
    [
        "打95588、12378、12345和400-820-0000都没人接",
        "工号8001、工号：A00123态度差",
        "2024年3月5日12:30扣款1,234,567.89元，20240305123011",
        "尾号1234，138****1234，6222****1234",
        "李女士和王某某",
        "",
        " \n",
    ],
)
def test_left_as_it_is(text: str) -> None:
    assert masked(text) == text


def test_findings_are_of_the_text_before() -> None:
    text = f"打95588后，{MOBILE}接到电话，尾号1234"
    result = mask(text)
    assert [(f.kind, text[f.start : f.end]) for f in result.findings] == [
        ("service_number", "95588"),
        ("mobile", MOBILE),
        ("bank_card", "尾号1234"),
    ]


def test_only_the_kinds_asked_for() -> None:
    text = f"{id_card()}，{MOBILE}"
    assert mask(text, {"mobile"}).text == f"{id_card()}，138****5678"


def test_service_numbers_stay_even_if_asked_for() -> None:
    assert mask("打95588", {"service_number"}).text == "打95588"
    assert "service_number" not in PERSONAL


def test_untouched_text_keeps_every_character() -> None:
    text = f"  繁體！！！！！\u200b\r\n\ud800{MOBILE}　ＡＢＣ  "
    assert masked(text) == text.replace(MOBILE, "138****5678")


@given(MESSY | st.text(st.characters(codec=None, exclude_categories=())))
def test_masking_twice_changes_nothing(text: str) -> None:
    once = masked(text)
    assert masked(once) == once


@given(MESSY)
def test_no_card_survives(text: str) -> None:
    assert bank_card() not in masked(f"{text}，卡{bank_card()}，{text}")


HOSTILE = {
    "digits": "1",
    "spaced digits": "1 ",
    "dashed groups": "138-",
    "card groups": "6222 ",
    "stars": "*",
    "mixed stars": "*×",
    "letters": "a",
    "ats": "a@",
    "dots": "a.",
    "decimals": "1.1",
    "thousands": "1,111",
    "spoken": "一",
    "spaced spoken": "一 ",
    "roads": "路1号",
    "cities": "市",
    "labels": "账号",
    "addresses": "地址",
    "names": "我叫王",
    "plates": "京a",
    "mobiles": f"{MOBILE} ",
    "marks": "a\u0301\u0316",
}


def seconds(text: str) -> float:
    start = time.process_time()
    mask(text)
    return time.process_time() - start


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_is_linear_on_hostile_input(unit: str) -> None:
    """Quadratic work would cost eight times eight; the margin is for a busy machine."""
    short = (unit * 20_000)[:2_500]
    seconds(short)
    base = min(seconds(short) for _ in range(3))
    assert min(seconds((unit * 20_000)[:20_000]) for _ in range(2)) < 8 * base * 4 + 0.05
