from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.text.normalise import normalise
from serving.triage.needles import needles, sieve
from tests.triage.build import policy
from tests.triage.test_behaviours import CASES

PATTERNS = [pattern for rule in policy().rules.rules for _, pattern in rule.patterns]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("报警", {"报警"}),
        ("银保监会", {"银保"}),
        ("报(?:了|过)?警", {"报警", "报了", "报过"}),
        ("报[了过]警", {"报了", "报过"}),
        ("报(?:了|过)警|去.{0,4}派出所", {"报了", "报过", "派出"}),
        (".{0,3}刀(?!片)", {"刀"}),
        ("(?<!不)刀.{1,3}砍死", {"砍死"}),
        ("(?:砍|杀){1,2}.?", {"砍", "杀"}),
    ],
)
def test_needles_stand_in_every_match(pattern: str, expected: set[str]) -> None:
    assert needles(re.compile(pattern)) == frozenset(expected)


@pytest.mark.parametrize(
    "pattern", [r"\d{3}", "[^不]", "[一-九]", ".", "(?:刀|.)", "刀?", "(?=刀)", "(?i)abc", "(?i:a)"]
)
def test_what_may_match_without_any_needle_is_always_run(pattern: str) -> None:
    assert needles(re.compile(pattern)) is None
    assert sieve([re.compile("刀"), re.compile(pattern)]).candidates("") == {1}


def test_more_strings_than_can_be_spelt_out_fall_back_to_fewer() -> None:
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 100)))
    found = needles(re.compile(f"[{many}][{many}]"))
    assert found == frozenset(many)


def test_a_sieve_lets_through_what_has_a_needle() -> None:
    made = sieve(map(re.compile, ["报警", "警察|刀", "自杀"]))
    assert made.candidates("我要报警") == {0}
    assert made.candidates("报警,警察拿刀") == {0, 1}
    assert made.candidates("报") == made.candidates("") == frozenset()


def test_nothing_that_matches_is_kept_back() -> None:
    made = policy().rules.sieve
    for case in CASES:
        text = normalise(case["text"]).text
        matching = {place for place, pattern in enumerate(PATTERNS) if pattern.search(text)}
        assert matching <= made.candidates(text), text


@given(st.data(), st.sampled_from(PATTERNS))
@settings(max_examples=150)
def test_every_pattern_of_the_pack_holds_its_needles(
    data: st.DataObject, pattern: re.Pattern[str]
) -> None:
    text = data.draw(st.from_regex(pattern))
    assert PATTERNS.index(pattern) in policy().rules.sieve.candidates(text)


def test_the_sieve_keeps_most_patterns_from_running() -> None:
    made = policy().rules.sieve
    passed = [len(made.candidates(normalise(case["text"]).text)) for case in CASES]
    assert sum(passed) / len(passed) < 0.3 * len(PATTERNS)
