"""What holds for every text: never an error, spans inside, never lowered by more text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.text.normalise import normalise
from serving.triage.conditions import Facts
from tests.triage.build import decided, findings, policy, prediction, rule_level
from tests.triage.test_behaviours import CASES

LEVELS = ["I", "II", "III", "IV"]
CHINESE = st.text(
    alphabet=st.sampled_from(
        "我你他不没有说要起诉银行催收上门打电话投诉监管信用卡"
        "万千百五三十元人岁次天钱被盗刷骗，。！？ \nabc12"
    ),
    max_size=300,
)
PLAIN = "网点的空调有点冷。"


@given(st.one_of(CHINESE, st.text(max_size=300)))
@settings(max_examples=150)
def test_never_raises_and_spans_are_of_the_original(text: str) -> None:
    found = findings(text)
    hits = [hit for fired in found.fired for hit in fired.hits]
    for hit in [*hits, *(item.hit for item in found.suppressed)]:
        assert 0 <= hit.start < hit.end <= len(text)
        assert text[hit.start : hit.end] == hit.text


@pytest.mark.parametrize("case", CASES[::3], ids=lambda case: str(case["text"])[:16])
def test_a_sentence_without_meaning_changes_nothing(case: dict[str, str]) -> None:
    alone = rule_level(findings(case["text"]))
    assert rule_level(findings(PLAIN + case["text"])) == alone
    assert rule_level(findings(case["text"] + "。" + PLAIN)) == alone


@given(CHINESE, st.sampled_from(LEVELS))
@settings(max_examples=60)
def test_the_final_level_is_never_below_model_or_rules(text: str, model: str) -> None:
    urgency = decided(text, prediction(urgency=model)).urgency
    assert urgency is not None
    expected = min([model, rule_level(findings(text))], key=LEVELS.index)
    if model == "IV" and not any(fired.level for fired in findings(text).fired):
        expected = "IV"
    assert urgency.code == expected


def test_the_same_text_decides_the_same() -> None:
    text = "转了五万八没到账，再不处理就投诉到银保监"
    first, second = decided(text), decided(text)
    assert (first.urgency, first.flags, first.routing, first.deadlines, first.review) == (
        second.urgency,
        second.flags,
        second.routing,
        second.deadlines,
        second.review,
    )


HOSTILE = {
    "negations": "不" * 20_000,
    "threat words": "起诉" * 10_000,
    "numbers": "1" * 20_000,
    "chinese numbers": "一万" * 10_000,
    "amounts": "被骗了五万元" * 3_000,
    "unfinished": "向我们银行投诉到" * 2_500,
    "no punctuation": "然后我没有说要起诉你们" * 1_800,
    "guards": "听说别人如果担心银行说要" * 1_600 + "起诉",
    "collection": "催收给我家人打电话" * 2_200,
    "branches": "支行" * 10_000,
    "commas": "," * 20_000,
    "people": "三十个人门口" * 3_000,
    "quotes": "银保监规定" * 4_000,
}


def _seconds(text: str) -> float:
    normalised = normalise(text)
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        policy().rules.evaluate(normalised, Facts())
        policy().router.branch(None, normalised)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_no_faster_than_the_text(text: str) -> None:
    # Ten times the text may take thirty times as long on a busy machine, but not a hundred.
    short, whole = _seconds(text[: len(text) // 10]), _seconds(text)
    assert whole < 30 * short + 0.05
    assert len(findings(text).suppressed) < 1000
