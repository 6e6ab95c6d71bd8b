"""Each kind of expectation can hold and can fail, and the counts add up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from eval.behaviours.answer import Answer
from eval.behaviours.run import BehaviourReport, Cell, run_behaviours
from tests.eval.behaviour_kit import answer, one, suite


def run(folder: Path, test: str) -> BehaviourReport:
    return run_behaviours(answer, suite(folder, one(test)))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{id: a, text: 一只鸡, expect: {kind: B1}}", ()),
        ("{id: a, text: 一只鸡, expect: {kind: B}}", ()),
        ("{id: a, text: 一只鸡, expect: {kind: [B2, B1]}}", ()),
        ("{id: a, text: 一只鸡, expect: {kind: B2}}", ("kind B2",)),
        ("{id: a, text: 家禽, expect: {kind: B1}}", ("kind B1",)),
        ("{id: a, text: 鱼！, expect: {hurry: soon}}", ()),
        ("{id: a, text: 鱼, expect: {hurry: soon, kind: B}}", ("hurry soon", "kind B")),
        ("{id: a, text: 鱼着火, flags: [fire]}", ()),
        ("{id: a, text: 鱼, flags: [fire]}", ("flag fire",)),
        ("{id: a, text: 鱼, absent: [fire]}", ()),
        ("{id: a, text: 鱼着火, absent: [fire]}", ("no flag fire",)),
        ("{id: a, text: 鱼？, review: true}", ()),
        ("{id: a, text: 鱼, review: true}", ("review: True",)),
    ],
)
def test_minimum_functionality(tmp_path: Path, test: str, expected: tuple[str, ...]) -> None:
    report = run(tmp_path, f"minimum: [{test}]")
    assert tuple(m.expected for f in report.failures for m in f.misses) == expected
    assert report.rows["barn"].cells["MFT"] == Cell(1, int(not expected))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{id: a, text: 一只鸡, variants: [一只公鸡, 两只鸡]}", ()),
        ("{id: a, text: 一只鸡, variants: [一只鸭]}", ("kind B1 (0.90) as before",)),
        ("{id: a, text: 一只鸡, variants: [家禽]}", ("kind B1 (0.90) as before",)),
        ("{id: a, text: 一只鸡, variants: [也许是鸡]}", ("kind B1 (0.90) within 0.1",)),
        ("{id: a, text: 一只鸡, variants: [也许是鸡], tolerance: 0.5}", ()),
        ("{id: a, text: 一只鸡, variants: [一只鸡！]}", ("hurry later (0.90) as before",)),
        ("{id: a, text: 一只鸡！, variants: [一只鸡]}", ("hurry soon (by rule) as before",)),
        ("{id: a, text: 一只鸡, variants: [一只鸡！], heads: [kind]}", ()),
    ],
)
def test_invariance(tmp_path: Path, test: str, expected: tuple[str, ...]) -> None:
    report = run(tmp_path, f"invariance: [{test}]")
    assert tuple(m.expected for f in report.failures for m in f.misses) == expected
    assert report.of_kind("INV") == Cell(1, int(not expected))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{id: a, text: 鱼, changed: 鱼！, urgency: rise}", ()),
        ("{id: a, text: 鱼, changed: 鱼呀, urgency: rise}", ("urgency: rise",)),
        ("{id: a, text: 鱼！, changed: 鱼, urgency: fall}", ()),
        ("{id: a, text: 鱼, changed: 鱼！, urgency: fall}", ("urgency: fall",)),
        ("{id: a, text: 鱼, changed: 鱼呀, urgency: same}", ()),
        ("{id: a, text: 鱼, changed: 鱼！, urgency: same}", ("urgency: same",)),
        ("{id: a, text: 鱼！, changed: 鱼, urgency: not_rise}", ()),
        ("{id: a, text: 鱼, changed: 鱼！, urgency: not_rise}", ("urgency: not_rise",)),
        ("{id: a, text: 鱼, changed: 鱼！, urgency: not_fall}", ()),
        ("{id: a, text: 鱼！, changed: 鱼, urgency: not_fall}", ("urgency: not_fall",)),
        ("{id: a, text: 鱼, changed: 鱼着火, raises: [fire]}", ()),
        ("{id: a, text: 鱼, changed: 鸭, raises: [fire]}", ("raises flag fire",)),
        ("{id: a, text: 鱼火, changed: 火鱼, raises: [fire]}", ("raises flag fire",)),
        ("{id: a, text: 鱼火, changed: 鱼, clears: [fire]}", ()),
        ("{id: a, text: 鱼, changed: 鸭, clears: [fire]}", ("clears flag fire",)),
        ("{id: a, text: 鸡, changed: 鸭, before: {kind: B1}, after: {kind: B2}}", ()),
        ("{id: a, text: 鸡, changed: 鸭, before: {kind: B2}}", ("before: kind B2",)),
        ("{id: a, text: 鸡, changed: 鸭, after: {kind: B1}}", ("after: kind B1",)),
    ],
)
def test_direction(tmp_path: Path, test: str, expected: tuple[str, ...]) -> None:
    report = run(tmp_path, f"direction: [{test}]")
    assert tuple(m.expected for f in report.failures for m in f.misses) == expected
    assert report.of_kind("DIR") == Cell(1, int(not expected))


def test_the_table_counts_by_capability_and_type(tmp_path: Path) -> None:
    body = """
bases: {hen: 一只鸡。}
capabilities:
  - id: barn
    name: 谷仓
    minimum:
      - {id: m1, text: 鸡, expect: {kind: B1}}
      - {id: m2, text: 鸡, expect: {kind: F}, why: 故意}
    transformed: [{transform: repeated_marks, bases: [hen]}]
  - id: pond
    name: 池塘
    direction: [{id: d1, text: 鱼, changed: 鱼！, urgency: fall}]
"""
    done: list[int] = []
    report = run_behaviours(answer, suite(tmp_path, body), on_case=done.append)
    assert report.rows["barn"].cells == {"MFT": Cell(2, 1), "INV": Cell(1, 1)}
    assert report.rows["pond"].cells == {"DIR": Cell(1, 0)}
    assert (report.total, report.total.rate) == (Cell(4, 2), 0.5)
    assert done == [1, 2, 3, 4]
    assert [(f.id, f.capability, f.kind, f.why) for f in report.failures] == [
        ("m2", "barn", "MFT", "故意"),
        ("d1", "pond", "DIR", ""),
    ]
    assert report.failures[1].misses[0].changed == "鱼！"
    assert report.failures[1].misses[0].got == "later → soon"
    document = orjson.loads(orjson.dumps(report.as_json()))
    assert document["capabilities"]["barn"]["MFT"] == {"cases": 2, "passed": 1, "rate": 0.5}
    assert document["kinds"]["DIR"] == {"cases": 1, "passed": 0, "rate": 0.0}
    assert document["failures"][0]["misses"][0]["got"] == "kind B1 (0.90)"


def test_a_text_is_asked_once(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()

    def counting(text: str) -> Answer:
        asked[text] += 1
        return answer(text)

    tests = "{id: a, text: 鸡, variants: [公鸡]}, {id: b, text: 鸡, variants: [母鸡]}"
    run_behaviours(counting, suite(tmp_path, one(f"invariance: [{tests}]")))
    assert asked == {"鸡": 1, "公鸡": 1, "母鸡": 1}


def test_no_case_is_a_rate_of_one() -> None:
    assert Cell(0, 0).rate == 1.0
