from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.triage.quantities import extract

CASES = [
    ("转了58000没到账", "amount", 58000),
    ("欠款5w多", "amount", 50000),
    ("五万八一直没到账", "amount", 58000),
    ("2.3万元", "amount", 23000),
    ("58,000元", "amount", 58000),
    ("¥5000", "amount", 5000),
    ("6位数的存款", "amount", 100000),
    ("三万美元", "amount", 30000),
    ("少了三百", "amount", 300),
    ("我们三十多户业主", "people", 30),
    ("一百来人", "people", 100),
    ("五六十号人", "people", 50),
    ("十多个储户", "people", 10),
    ("3千多人", "people", 3000),
    ("83岁", "age", 83),
    ("70多岁", "age", 70),
    ("年近八旬", "age", 80),
    ("打了三次电话", "times", 3),
    ("跑了两趟", "times", 2),
    ("等了半个月", "days", 15),
    ("一个多月了", "days", 30),
    ("两周没结果", "days", 14),
    ("两三天", "days", 2),
    ("六年了", "days", 2190),
    ("15个工作日", "days", 21),
]


@pytest.mark.parametrize(("text", "kind", "value"), CASES)
def test_reads(text: str, kind: str, value: float) -> None:
    found = extract(text)
    assert [item.kind for item in found] == [kind]
    assert found[0].value == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["5万积分", "2023年5月", "尾号7055", "13812345678", "5月3号", "30万日元", "一直没人管", "万一"],
)
def test_reads_nothing_into(text: str) -> None:
    assert extract(text) == ()


@given(st.text(max_size=200))
def test_spans_lie_inside(text: str) -> None:
    for found in extract(text):
        assert 0 <= found.start < found.end <= len(text)
        assert found.value >= 0


ELAPSED = [
    ("3月2日提交，今天4月9日了", 37),
    ("9月10日答应，10月28日还没回", 48),
    ("12月28日登记，到1月20日没人理", 22),
    ("四月申请的六月还没批", 31),
    ("2023年4月12日受理，今天5月22日", 40),
]


@pytest.mark.parametrize(("text", "days"), ELAPSED)
def test_days_from_a_date_to_the_one_said_to_be_now(text: str, days: float) -> None:
    found = [item.value for item in extract(text) if item.kind == "elapsed"]
    assert found == [pytest.approx(days, abs=1.0)]


@pytest.mark.parametrize(
    "text",
    [
        "3月2日的账单日,3月20日的还款日",
        "今天4月9日",
        "4月1日到4月1日了",
        "13月40日登记,今天14月2日",
        "从1.5万到3.2万了",
    ],
)
def test_no_days_between_dates_where_none_is_now_or_later(text: str) -> None:
    assert [item for item in extract(text) if item.kind == "elapsed"] == []


@pytest.mark.parametrize(
    ("text", "age"),
    [("我爸68,不会用", 68), ("今年七十三了", 73), ("家慈七十有六", 70), ("72了,直说", 72)],
)
def test_an_age_needs_no_unit(text: str, age: float) -> None:
    assert [item.value for item in extract(text) if item.kind == "age"] == [age]


@pytest.mark.parametrize("text", ["今年12月", "我12点去的", "35了,还没批", "我8了", "妈妈200块"])
def test_what_is_no_age(text: str) -> None:
    assert [item for item in extract(text) if item.kind == "age"] == []


def test_a_headcount_does_not_reach_over_a_comma() -> None:
    assert extract("转了一万八,客户还在等") == ()


def test_in_case_is_no_number() -> None:
    assert all(item.value < 10 for item in extract("万一客户不认"))
