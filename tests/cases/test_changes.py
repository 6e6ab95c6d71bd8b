from __future__ import annotations

import copy
from typing import Any

from serving.cases.changes import changes
from tests.cases.kit import answer_of


def answer(text: str = "年费为什么扣了") -> dict[str, Any]:
    return answer_of("01J", text, "B03022")


def test_an_answer_changes_nothing_about_itself() -> None:
    assert changes(answer(), answer()) == ()


def test_the_same_moment_in_another_zone_is_no_change() -> None:
    first, second = answer(), copy.deepcopy(answer())
    clock = next(c for c in second["deadlines"] if not c["extension"])
    assert clock["due_at"].endswith("+08:00")
    # 23:59:59+08:00 is 15:59:59Z of the same day.
    clock["due_at"] = clock["due_at"].replace("T23:59:59+08:00", "T15:59:59+00:00")
    assert changes(first, second) == ()


def test_every_kind_of_change_is_told() -> None:
    first, second = answer(), copy.deepcopy(answer())
    label = next(iter(second["labels"].values()))
    label |= {"code": "other", "name": "别的"}
    second["flags"] = [{"code": "x", "name": "监管", "hint": False, "evidence": []}]
    second["routing"]["lead"] = {"code": "x", "name": "某部门"}
    second["routing"]["branch"] = "南门支行"
    second["review"] = {"needed": True, "reasons": ["novel"], "priority": 1.0}
    gone = next(c for c in second["deadlines"] if not c["extension"])
    second["deadlines"].remove(gone)
    found = {(one.kind, one.what): one for one in changes(first, second)}
    assert found["label", next(iter(first["labels"]))].after == ("别的",)
    assert found["flag", "flags"].after == ("监管",)
    assert found["routing", "lead"].before == (first["routing"]["lead"]["name"],)
    assert found["branch", "branch"].after == ("南门支行",)
    assert found["review", "review"].after == ("novel",)
    assert found["deadline", gone["name"]].after == ()
    assert len(found) == 6


def test_a_hint_and_a_reason_without_review_change_nothing() -> None:
    first, second = answer(), copy.deepcopy(answer())
    first["review"] = {"needed": False, "reasons": ["hint"], "priority": 0.0}
    second["review"] = {"needed": False, "reasons": [], "priority": 0.0}
    second["flags"] = [{"code": "x", "name": "提示", "hint": True, "evidence": []}]
    assert changes(first, second) == ()
