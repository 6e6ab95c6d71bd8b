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
