from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.text import normalise as module
from data.text.normalise import fingerprint, normalise

# Every code point, lone surrogates included, and many of the troublesome ones.
ANY = st.text(st.characters(codec=None, exclude_categories=()))
TROUBLE = st.text(
    st.sampled_from(
        "aHhi\u0130\u0301\u0331\u0307\u0338=<!哈 。\n\r\t\u200b\u200d\ufe0f\U000e0100\u034f\u3164"
        "\u2800\ufeffｶﾞパ\ufdfa\u00a8\ud800\ue000⾏⼯⻅⒈⑬帳戶後著乾…—２，\u1100\u1161\uac00\u0e33"
    )
)
TEXTS = ANY | TROUBLE


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("⾏⼯⻅⻓⻛⻁⻣⻄", "行工见长风虎骨西"),
        ("ＡＴＭ１２３", "atm123"),
        ("㈠⑬½", "(一)131⁄2"),
        ("工商銀行扣款後不退還", "工商银行扣款后不退还"),
        ("顯著的著作，乾隆借乾糧", "显著的著作,乾隆借干粮"),
        ("帳戶與帐户", "账户与账户"),
        ("头\u200b发\ufeff\u00ad白\u202e了", "头发白了"),
        ("葛\U000e0100城❤\ufe0f", "葛城❤"),
        ("cafe\u0301", "café"),
        ("e\u200d\u0301", "é"),
        ("H\u0331", "ẖ"),
        ("ｶﾞｽ", "ガス"),
        ("！！！！！！！", "!!!"),
        ("。。。。。。", "。。。"),
        ("！？！？", "!?!?"),
        ("哈哈哈哈哈", "哈哈哈"),
        ("天天天天天", "天天天天天"),
        ("1000000", "1000000"),
        ("第一行\r\n第二行\r第三行", "第一行\n第二行\n第三行"),
        ("甲 \t\u3000乙", "甲 乙"),
        ("甲  \n\n  乙", "甲\n乙"),
        ("  \n甲\u3164 ", "甲"),
        ("—–−―", "---"),
        ("“甲”‘乙’", "\"甲\"'乙'"),
        ("\ud800甲\udfff\ue000", "甲"),
        ("\0\x07甲\x7f", "甲"),
        ("", ""),
        (" \u200b\n", ""),
    ],
)
def test_folds(written: str, folded: str) -> None:
    assert normalise(written).text == folded


def test_span_covers_what_the_customer_wrote() -> None:
    text = "我  在工商銀\u200b行\u200b（總行）"
    folded = normalise(text)
    at = folded.text.index("银行")
    start, end = folded.span(at, at + 2)
    assert text[start:end] == "銀\u200b行"


def test_span_of_a_composed_character_has_its_marks() -> None:
    text = "xe\u200d\u0301y"
    folded = normalise(text)
    assert folded.text == "xéy"
    assert folded.span(1, 2) == (1, 4)


def test_span_of_an_expansion_is_the_one_character() -> None:
    folded = normalise("第⑬条")
    assert folded.text == "第13条"
    assert folded.span(1, 2) == folded.span(2, 3) == folded.span(1, 3) == (1, 2)


def test_span_of_cut_marks_ends_with_the_last_kept() -> None:
    folded = normalise("差！！！！！！完")
    assert folded.span(0, 4) == (0, 4)
    assert folded.span(4, 5) == (7, 8)


def test_empty_span_stays_empty() -> None:
    folded = normalise(" 甲乙")
    assert folded.span(1, 1) == (2, 2)
    assert folded.span(2, 2) == (3, 3)
    assert normalise("").span(0, 0) == (0, 0)


def test_span_may_reach_beyond_the_end() -> None:
    assert normalise("甲乙 ").span(1, 99) == (1, 2)


def test_line_breaks_count_as_one() -> None:
    folded = normalise("甲\r\n乙")
    assert folded.text == "甲\n乙"
    assert (folded.starts, folded.ends) == ((0, 1, 3), (1, 2, 4))


def test_many_marks_on_one_character_are_cut_and_cheap() -> None:
    folded = normalise("a" + "\u0301\u0316" * 10_000 + "b")
    assert len(folded.text) <= 12
    assert folded.text.endswith("b")
    assert folded.span(0, len(folded.text)) == (0, 20_002)


@given(TEXTS)
def test_offsets_are_monotone_and_inside(text: str) -> None:
    folded = normalise(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert list(folded.starts) == sorted(folded.starts)
    assert list(folded.ends) == sorted(folded.ends)
    assert all(
        0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True)
    )


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once


@given(TEXTS)
def test_folded_text_is_clean(text: str) -> None:
    folded = normalise(text).text
    assert folded == folded.strip()
    assert "  " not in folded
    folded.encode()


@given(ANY, ANY)
def test_a_line_break_keeps_two_texts_apart(left: str, right: str) -> None:
    joined = normalise(f"{left}。\n、{right}").text
    assert joined == f"{normalise(left + '。').text}\n{normalise('、' + right).text}"


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)))
def test_characters_stand_for_themselves_one_by_one(text: str) -> None:
    folded = normalise(text)
    assert folded.starts == tuple(range(len(text))) or "哈" in text
    assert normalise(folded.text).text == folded.text


def test_a_phrase_that_changes_length_is_converted_by_character(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Shortening:
        def convert(self, text: str) -> str:
            return {"後": "后", "嚟": "来了"}.get(text, text[:1])

    monkeypatch.setattr(module, "_converter", Shortening)
    assert normalise("後嚟").text == "后嚟"


def test_a_full_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_CACHED", 0)
    monkeypatch.setattr(module, "_SINGLES", module._Singles())
    assert normalise("ＡＴＭ機").text == "atm机"
    assert not module._SINGLES


def test_fingerprint_is_stable_within_a_run() -> None:
    assert fingerprint() == fingerprint()
    assert len(fingerprint()) == 16
