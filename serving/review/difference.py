"""What a choice of labels would change, in words for the one who chooses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.review.redecide import Ground
from serving.triage.conditions import Facts

_UNITS = {"minutes": "分钟", "hours": "小时", "working_days": "个工作日", "natural_days": "日"}
_NONE = "无"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changes: what, from what, to what. `kind` is label, routing or deadline."""

    kind: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what} {self.before} → {self.after}"


def differences(
    ground: Ground, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Difference]:
    """From one answer on a complaint to another."""
    return [
        *_labels(ground, before, after),
        *_routing(before["routing"], after["routing"]),
        *_deadlines(ground, before, after),
    ]


def codes(answer: Mapping[str, Any]) -> dict[str, str]:
    """The codes of an answer, by head."""
    return {head: label["code"] for head, label in answer["labels"].items()}


def limits(ground: Ground, facts: Facts) -> dict[str, str]:
    """How long each clock runs, by its id: 24 小时."""
    found = {}
    for compiled in ground.policy.clocks.clocks:
        limit = next((limit for limit in compiled.limits if limit.condition.holds(facts)), None)
        if limit is not None:
            found[compiled.clock.id] = f"{limit.amount} {_UNITS[limit.unit]}"
    return found


def _labels(
    ground: Ground, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for head, label in after["labels"].items():
        old = before["labels"].get(head)
        if old is not None and old["code"] != label["code"]:
            title = ground.taxonomy[head].title
            yield Difference("label", title, old["name"], label["name"])


def _routing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    titles = {"lead": "主办部门", "assisting": "协办", "investigator": "核实", "copies": "抄送"}
    for key, title in titles.items():
        old, new = _names(before[key]), _names(after[key])
        if old != new:
            yield Difference("routing", title, old, new)


def _names(parties: Any) -> str:
    if not parties:
        return _NONE
    listed = parties if isinstance(parties, list) else [parties]
    return "、".join(party["name"] for party in listed)


def _deadlines(
    ground: Ground, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    old_limits = limits(ground, ground.facts(codes(before)))
    new_limits = limits(ground, ground.facts(codes(after)))
    old = {clock["clock"]: clock for clock in before["deadlines"]}
    new = {clock["clock"]: clock for clock in after["deadlines"]}
    for clock in {**old, **new}:
        was, will = old.get(clock), new.get(clock)
        if was is None or will is None or was["due_at"] != will["due_at"]:
            name = (was or will or {})["name"]
            yield Difference(
                "deadline",
                name,
                _until(was, old_limits.get(clock), alone=will is None),
                _until(will, new_limits.get(clock), alone=was is None),
            )


def _until(clock: Mapping[str, Any] | None, limit: str | None, *, alone: bool) -> str:
    if clock is None:
        return "不计时"
    if limit and not alone:
        return limit
    return f"{datetime.fromisoformat(clock['due_at']):%m-%d %H:%M}"
