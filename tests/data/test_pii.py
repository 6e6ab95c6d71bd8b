from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from data.pii.find import find

# All numbers are made up; the check digits are worked out here, so that none stands in the file.
ID_BODY = "11010519990101" + "003"
CARD_BODY = "6222" + "0" * 11 + "123"
MOBILE = "138" + "0000" + "5678"
LANDLINE = "010" + "6" * 4 + "0000"


def id_card(body: str = ID_BODY) -> str:
    return body + ric.calc_check_digit(body + "0")


def bank_card(body: str = CARD_BODY) -> str:
    return body + luhn.calc_check_digit(body)


def kinds(text: str) -> list[tuple[str, str]]:
    return [(finding.kind, text[finding.start : finding.end]) for finding in find(text)]


def other_digit(number: str) -> str:
    return number[:-1] + str((int(number[-1].replace("X", "0")) + 1) % 10)


# --- identity cards -------------------------------------------------------------------------


def test_identity_card_with_its_check_digit() -> None:
    number = id_card()
    (finding,) = find(f"身份证{number}，谢谢")
    assert (finding.kind, finding.start, finding.end) == ("id_card", 3, 21)
    assert finding.valid is True
    assert finding.masked is False


def test_identity_card_with_a_typing_error_is_still_one() -> None:
    (finding,) = find(other_digit(id_card()))
    assert finding.kind == "id_card"
    assert finding.valid is False


def test_identity_card_ending_in_x() -> None:
    body = next(
        ID_BODY[:-3] + f"{serial:03}"
        for serial in range(1000)
        if ric.calc_check_digit(ID_BODY[:-3] + f"{serial:03}0") == "X"
    )
    for sign in "Xx":
        assert kinds(f"证件{body}{sign}。") == [("id_card", body + sign)]


def test_old_identity_card_has_no_check_digit() -> None:
    (finding,) = find("老身份证" + "110105" + "650101" + "003")
    assert (finding.kind, finding.valid) == ("id_card", False)


def test_identity_card_in_groups() -> None:
    number = id_card()
    written = f"{number[:6]} {number[6:14]} {number[14:]}"
    assert kinds(f"我是{written}的户主") == [("id_card", written)]


# --- bank cards -----------------------------------------------------------------------------


@pytest.mark.parametrize("length", [16, 17, 18, 19])
def test_bank_card_with_luhn(length: int) -> None:
    number = bank_card(CARD_BODY[: length - 1].ljust(length - 1, "7"))
    (finding,) = find(f"我的卡{number}被冻结")
    assert (finding.kind, finding.valid) == ("bank_card", True)


@pytest.mark.parametrize("separator", [" ", "-", ".", "·", "  "])
def test_bank_card_in_fours(separator: str) -> None:
    number = bank_card()
    written = separator.join(number[i : i + 4] for i in range(0, 19, 4))
    assert kinds(f"卡号：{written}。") == [("bank_card", written)]


def test_bank_card_in_six_and_thirteen() -> None:
    written = f"{bank_card()[:6]} {bank_card()[6:]}"
    assert kinds(f"转到{written}，") == [("bank_card", written)]


def test_bank_card_with_a_typing_error_is_known_by_its_beginning() -> None:
    (finding,) = find(f"卡{other_digit(bank_card())}")
    assert (finding.kind, finding.valid) == ("bank_card", False)


def test_long_number_of_no_kind_is_an_account() -> None:
    assert kinds("编码" + "1" + "0" * 27 + "9") == [("account", "1" + "0" * 27 + "9")]


# --- telephones -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        MOBILE,
        f"{MOBILE[:3]} {MOBILE[3:7]} {MOBILE[7:]}",
        f"{MOBILE[:3]}-{MOBILE[3:7]}-{MOBILE[7:]}",
        f"{MOBILE[:3]}\u200b{MOBILE[3:]}",
        MOBILE.translate({ord("0") + i: chr(0xFF10 + i) for i in range(10)}),
        " ".join(MOBILE),
        f"86{MOBILE}",
        f"86-{MOBILE}",
        MOBILE.translate(str.maketrans("0123456789", "零一二三四五六七八九")),
        MOBILE.translate(str.maketrans("0123456789", "〇幺二三四五六七八九")),
    ],
)
def test_mobile_however_written(written: str) -> None:
    assert kinds(f"请拨打{written}联系") == [("mobile", written)]


def test_several_mobiles_in_a_row() -> None:
    other = "139" + "0000" + "1111"
    assert kinds(f"{MOBILE} {other}、{MOBILE}") == [
        ("mobile", MOBILE),
        ("mobile", other),
        ("mobile", MOBILE),
    ]


def test_mobile_beside_a_chinese_number() -> None:
    assert kinds(f"第一{MOBILE}二") == [("mobile", MOBILE)]


@pytest.mark.parametrize(
    "written",
    [
        LANDLINE,
        f"{LANDLINE[:3]}-{LANDLINE[3:]}",
        f"{LANDLINE[:3]} {LANDLINE[3:7]} {LANDLINE[7:]}",
        f"{LANDLINE[:3]}-{LANDLINE[3:]}-801",
        f"{LANDLINE[:3]}-{LANDLINE[3:]}转801",
        f"86 10 {LANDLINE[3:]}",
        "0755-8300" + "0000",
    ],
)
def test_landline(written: str) -> None:
    assert kinds(f"座机{written}打不通") == [("landline", written)]


def test_landline_with_area_code_in_brackets() -> None:
    text = f"电话({LANDLINE[:3]}){LANDLINE[3:]}"
    assert kinds(text) == [("landline", text[3:])]


def test_local_number_needs_a_word() -> None:
    assert kinds("家里电话：66660000") == [("landline", "66660000")]
    assert kinds("编码66660000") == []


@pytest.mark.parametrize(
    "number",
    ["95588", "95533", "12378", "12345", "12363", "10086", "400-820-0000", "4008200000", "96588"],
)
def test_service_numbers(number: str) -> None:
    assert kinds(f"打了{number}没人接") == [("service_number", number)]


def test_service_number_spoken() -> None:
    assert kinds("打九五五八八没人接") == [("service_number", "九五五八八")]


# --- letters and words ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("邮箱Zhang.San@example.com.cn。", "email", "Zhang.San@example.com.cn"),
        ("发到ａ１＠ｅｘａｍｐｌｅ．ｃｏｍ", "email", "ａ１＠ｅｘａｍｐｌｅ．ｃｏｍ"),
        ("护照E00000001过期", "passport", "E00000001"),
        ("通行证C00000001", "passport", "C00000001"),
        ("通行证H0000000100", "passport", "H0000000100"),
        ("台胞证号：00000001", "passport", "00000001"),
        ("车牌京A00001被扣", "plate", "京A00001"),
        ("粤B·D0001挂靠", "plate", "粤B·D0001"),
        ("京AD00001是我的", "plate", "京AD00001"),
        ("沪A0000D停在", "plate", "沪A0000D"),
        ("账号：0200001109000", "account", "0200001109000"),
        ("帳號是AB-000-1234", "account", "AB-000-1234"),
        ("保单号PD00A000123", "account", "PD00A000123"),
        ("订单号:JD000000X12", "account", "JD000000X12"),
        ("流水号 20240305000000", "account", "20240305000000"),
        ("微信号abcdefg", "social", "abcdefg"),
        ("加我微信：wxid_000abc", "social", "wxid_000abc"),
        ("vx：abc_0001", "social", "abc_0001"),
        ("QQ：1000001", "social", "1000001"),
        ("户名：张三，", "name", "张三"),
        ("姓名:欧阳某甲", "", ""),
        ("我叫李建国，", "name", "李建国"),
        ("我叫王五我要投诉", "name", "王五"),
        ("收款人：司马小光", "name", "司马小光"),
        ("姓名：阿依古丽·买买提", "name", "阿依古丽·买买提"),
        ("住在北京市海淀区某大街1号院2号楼301室", "address", "某大街1号院2号楼301室"),
        ("地址：河南省周口市太康县城关镇王庄村", "address", "城关镇王庄村"),
        ("在阳光小区3栋2单元301", "address", "阳光小区3栋2单元301"),
    ],
)
def test_found_in_words(text: str, kind: str, found: str) -> None:
    assert kinds(text) == ([(kind, found)] if kind else [])


@pytest.mark.parametrize(
    "text",
    [
        "投诉人李女士，王某某，张先生",
        "投诉人：王女士",
        "收款人是骗子",
        "我叫他退钱",
        "贵APP12版本",
        "微信支付失败，wechat支付",
        "我在小区3号就还了",
        "我知道15号还款",
        "中山路128号支行态度差",
        "账户100000元没了",
        "订单号我不知道",
        "单号abcdefgh",
        "微信公众号，wxpay，微信banking",
    ],
)
def test_not_personal(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "2024年3月5日12:30:11扣款1,234,567.89元",
        "2024-03-05 12:30 转出123456.78",
        "2024/3/5，20240305，20240305123011",
        "贷款1380000元，利率4.35%，还了12万，共13.8亿",
        "¥138000000000",
        "积分13800000分",
        "2019 2020 2021 2022",
        "5000 5000 5000 5000",
    ],
)
def test_amounts_and_dates_are_not_personal(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize("number", ["8001", "A00123", MOBILE, "000000000000"])
def test_staff_numbers_are_left_alone(number: str) -> None:
    assert kinds(f"工号：{number}的客服，员工号{number}") == []


def test_a_card_is_no_staff_number() -> None:
    assert kinds(f"工号{bank_card()}") == [("bank_card", bank_card())]


@pytest.mark.parametrize("label", ["账号：", "单号", "客户号是"])
def test_labels_do_not_hide_what_a_number_is(label: str) -> None:
    for kind, number in (("id_card", id_card()), ("bank_card", bank_card()), ("mobile", MOBILE)):
        assert kinds(f"{label}{number}，") == [(kind, number)]


def test_mobile_as_a_chat_name_is_a_mobile() -> None:
    assert kinds(f"QQ：{MOBILE}，微信：{MOBILE}") == [("mobile", MOBILE)] * 2


def test_what_looks_like_an_extension_is_taken_once() -> None:
    text = f"打{LANDLINE}-138 0000 5678"
    assert kinds(text)[0] == ("landline", f"{LANDLINE}-138")


def test_two_findings_never_share_a_character() -> None:
    number = id_card("2" + ID_BODY[1:])
    text = f"QQ：100000½{number[1:]}"
    assert kinds(text) == [("social", "100000½")]


def test_a_far_word_like_a_region_is_none() -> None:
    text = "地址：河南省一二三四五六七八九十一二三市王庄村"
    assert kinds(text) == [("address", "一二三四五六七八九十一二三市王庄村")]


# --- masked already -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("138****1234", "mobile"),
        ("138********", "mobile"),
        ("138 **** 1234", "mobile"),
        ("138xxxx1234", "mobile"),
        ("138××××1234", "mobile"),
        ("6222****1234", "bank_card"),
        ("6222 **** **** 1234", "bank_card"),
        ("110***********1234", "id_card"),
        ("110105********003X", "id_card"),
        ("尾号1234", "bank_card"),
        ("尾号为1234", "bank_card"),
        ("尾号****", "bank_card"),
        ("后四位是1234", "bank_card"),
        ("010-****5678", "landline"),
        ("****1234", "account"),
    ],
)
def test_masked_forms(written: str, kind: str) -> None:
    text = f"客户，{written}，扣款"
    (finding,) = find(text)
    assert finding.masked
    assert (finding.kind, text[finding.start : finding.end]) == (kind, written)


def test_masked_identity_by_its_word() -> None:
    (finding,) = find("身份证号452****0012")
    assert (finding.kind, finding.masked) == ("id_card", True)


def test_tail_of_a_telephone() -> None:
    (finding,) = find("手机尾号1234")
    assert (finding.kind, finding.masked) == ("mobile", True)


def test_masked_amount_is_not_personal() -> None:
    assert kinds("发放155***元，575***.68元") == []


# --- all together ---------------------------------------------------------------------------


def test_many_kinds_in_one_text() -> None:
    text = (
        f"户名：张三，身份证{id_card()}，卡号{bank_card()}，手机{MOBILE}，座机{LANDLINE}，"
        "工号8001说打95588，2024-03-05扣了1,200元"
    )
    assert [kind for kind, _ in kinds(text)] == [
        "name",
        "id_card",
        "bank_card",
        "mobile",
        "landline",
        "service_number",
    ]


WORDS = (
    "⑬|*|**|x| |-|转801|账号|户名：|张三|工号|95588|元|一三八|零|1|6222|2024-03-05|@|a.cn|京A|路1号"
    "|2栋|市|尾号|微信|QQ|abc_1|\u200b|\ud800|区|地址：|，|(|)|电话|我叫|王|x3|护照|E00000001|卡号|0|86|.|支行|万"
    "|镇"
)
PIECES = st.sampled_from([id_card(), bank_card(), MOBILE, LANDLINE, *WORDS.split("|")])
MESSY = st.lists(PIECES, max_size=25).map("".join)


@given(MESSY | st.text(st.characters(codec=None, exclude_categories=())))
def test_findings_lie_apart_in_order_and_inside(text: str) -> None:
    reached = 0
    for finding in find(text):
        assert reached <= finding.start < finding.end <= len(text)
        reached = finding.end


@given(st.integers(0, 10**12 - 1), st.text("，。我的 卡", max_size=8))
def test_every_valid_card_is_found(body: int, around: str) -> None:
    number = bank_card(f"6222{body:012}")
    assert [(f.kind, f.valid) for f in find(f"{around}卡，{number}，{around}")] == [
        ("bank_card", True)
    ]
