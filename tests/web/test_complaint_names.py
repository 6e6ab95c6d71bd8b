from __future__ import annotations

import re
from typing import get_args

import pytest

from serving.cases.changes import Change
from serving.cases.machine import machine
from serving.review.acts import Kind as Act
from serving.review.desk import Desk
from serving.triage.quantities import Kind as Quantity
from serving.web.complaint_names import Names, table
from tests.triage.build import NOW, policies, policy, taxonomy

NAMES = Names(Desk(taxonomy(), policies()), policy())


def test_everything_that_can_happen_has_a_name() -> None:
    found, events = table(), machine()
    assert set(events.fields) <= set(found["field"])
    for name, field in events.fields.items():
        if field.values:
            assert set(field.values) <= set(found[name])
    assert set(events.statuses) <= set(found["status"])
    assert set(get_args(Act)) <= set(found["act"])
    assert set(get_args(Quantity)) <= set(found["quantity"])


def test_colours_are_those_of_badges() -> None:
    tones = {said[1] for codes in table().values() for said in codes.values() if len(said) > 1}
    assert tones <= {"red", "orange", "amber", "green", "blue", "grey"}


def test_what_is_not_known_is_its_own_name() -> None:
    assert NAMES.of("status", "weird") == "weird"
    assert NAMES.tone("status", "weird") == "grey"
    assert NAMES.event("weird") == "weird"
    assert NAMES.head("gone") == "gone"
    assert NAMES.label("gone", "x") == "x"
    assert NAMES.label("product", "gone") == "gone"
    assert NAMES.department("gone") == "gone"
    assert NAMES.department(None) == "—"
    assert NAMES.rule("gone") == "gone"
    assert NAMES.clock("gone") == "gone"
    assert NAMES.skip(None) == ""


def test_an_event_says_what_people_need_and_no_ids_of_ours() -> None:
    code = next(iter(policy().router.departments))
    clock = policy().pack.deadlines.clocks[0]
    body = {
        "item": "01J", "round": 1, "suggested": code, "clock": clock.id, "satisfaction": "neutral",
        "told_at": NOW.isoformat(), "labels": {"product": "B03022"}, "clocks": [clock.id],
        "days": 3, "clock_none": None,
    }  # fmt: skip
    said = dict(NAMES.said(body))
    assert said["建议部门"] == policy().router.departments[code].name
    assert said["评价"] == "一般"
    assert said["告知客户"] == "2026-06-03 09:30"
    assert said["顺延天数"] == "3"
    assert said["时限"] == clock.name
    assert taxonomy()["product"].title in said["部门认定"]
    assert "01J" not in said.values()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change("routing", "lead", ("甲",), ()), ("主办部门", "甲", "无")),
        (Change("review", "review", (), ("novel",)), ("复核原因", "无", "少见内容")),
        (
            Change("deadline", "派单", (), ("2026-06-03T01:30:00+00:00",)),
            ("派单", "不计时", "2026-06-03 09:30"),
        ),
    ],
)
def test_a_change_in_words(change: Change, expected: tuple[str, str, str]) -> None:
    assert NAMES.change(change) == expected


def test_titles_are_chinese() -> None:
    for codes in table().values():
        for said in codes.values():
            assert re.search(r"[\u4e00-\u9fff]", said[0])
