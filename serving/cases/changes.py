"""What one answer on a complaint says otherwise than another: codes, departments, times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

_PARTIES = ("lead", "assisting", "investigator", "copies")

Kind = Literal["label", "flag", "routing", "branch", "review", "deadline"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. `what` is a head, a part in the handling, or a clock; `before` and
    `after` are names (for `review` codes of reasons, for `deadline` times), empty where nothing.
    """

    kind: Kind
    what: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """From one answer to another on the same complaint, labels first."""
    found = (
        *_labels(before, after),
        Change("flag", "flags", _flags(before), _flags(after)),
        *_routing(before["routing"], after["routing"]),
        Change("review", "review", _reasons(before), _reasons(after)),
        *_deadlines(before, after),
    )
    return tuple(one for one in found if one.before != one.after)


def _labels(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = before["labels"], after["labels"]
    for head in dict.fromkeys([*old, *new]):
        codes = [told[head]["code"] if head in told else None for told in (old, new)]
        if codes[0] != codes[1]:
            names = [(told[head]["name"],) if head in told else () for told in (old, new)]
            yield Change("label", head, *names)


def _flags(answer: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(flag["name"] for flag in answer["flags"] if not flag.get("hint"))


def _routing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for part in _PARTIES:
        yield Change("routing", part, _names(before[part]), _names(after[part]))
    branches = [(routing["branch"],) if routing["branch"] else () for routing in (before, after)]
    yield Change("branch", "branch", *branches)


def _names(parties: Any) -> tuple[str, ...]:
    listed = parties if isinstance(parties, list) else [parties] if parties else []
    return tuple(party["name"] for party in listed)


def _reasons(answer: Mapping[str, Any]) -> tuple[str, ...]:
    review = answer["review"]
    return tuple(review["reasons"]) if review["needed"] else ()


def _deadlines(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = (
        {clock["clock"]: clock for clock in answer["deadlines"] if not clock["extension"]}
        for answer in (before, after)
    )
    for clock in dict.fromkeys([*old, *new]):
        times = [_due(told.get(clock)) for told in (old, new)]
        yield Change("deadline", (new.get(clock) or old[clock])["name"], *times)


def _due(clock: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The time in one zone's writing: the same moment is never a change."""
    if clock is None:
        return ()
    return (datetime.fromisoformat(clock["due_at"]).astimezone(UTC).isoformat(),)
