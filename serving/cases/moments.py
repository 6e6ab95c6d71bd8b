"""A story told in the order in which things happened, each told once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from serving.cases.machine import machine
from serving.cases.story import Story
from serving.store.tables import LabelRecordRow

Kind = Literal["received", "decided", "event", "act", "labels", "order", "erased"]
Chapter = Literal["handling", "judging", "sending"]

_ORDER = ("received", "decided", "order", "event", "act", "labels", "erased")
# Events of ours that tell of a judgement, and of a message.
_JUDGING = frozenset({"reviewed", "rerouted"})
_SENDING = frozenset({"delivered", "dead"})
# Looking at something says nothing about the complaint.
_MINOR = frozenset({"claimed", "released", "revealed"})


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened. `body` is the row, or for labels the rows, that it stands in.

    `recorded_at` is when we learned of it, where that differs by more than it takes to tell.
    """

    at: datetime
    kind: Kind
    chapter: Chapter
    who: str | None
    body: Any
    recorded_at: datetime | None = None
    minor: bool = False


def moments(story: Story) -> tuple[Moment, ...]:
    """All of it, oldest first; what happened at the same time in the order of its making."""
    found = [
        Moment(story.case.received_at, "received", "handling", None, story.complaint),
        *_decisions(story),
        *_events(story),
        *_acts(story),
        *_labels(story),
        *(Moment(row.created_at, "order", "sending", None, row) for row in story.orders),
    ]
    if story.erased_at is not None:
        found.append(Moment(story.erased_at, "erased", "handling", None, story.complaint))
    return tuple(sorted(found, key=lambda one: (one.at, _ORDER.index(one.kind))))


def _decisions(story: Story) -> Iterator[Moment]:
    for one in story.decisions:
        yield Moment(one.at, "decided", "judging", one.by, one)


def _events(story: Story) -> Iterator[Moment]:
    told = {act.item_id for act in story.acts if act.kind == "submitted"}
    for row in story.events:
        if row.kind == "reviewed" and row.body.get("item") in told:
            continue
        chapter: Chapter = "handling"
        if row.kind in _JUDGING:
            chapter = "judging"
        elif row.kind in _SENDING:
            chapter = "sending"
        internal = row.kind in machine().kinds and machine().kinds[row.kind].internal
        late = (
            None
            if internal or (row.recorded_at - row.at).total_seconds() < 300
            else row.recorded_at
        )
        yield Moment(row.at, "event", chapter, row.who, row, late)


def _acts(story: Story) -> Iterator[Moment]:
    for act in story.acts:
        yield Moment(act.at, "act", "judging", act.who, act, minor=act.kind in _MINOR)


def _labels(story: Story) -> Iterator[Moment]:
    """Records of one person at one time are one moment; those of a review are told by its act."""
    said: dict[tuple[datetime, str, str], list[LabelRecordRow]] = defaultdict(list)
    told = {(act.at, act.who) for act in story.acts if act.kind in ("submitted", "undone")}
    for row in story.labels:
        if (row.decided_at, row.who) not in told:
            said[row.decided_at, row.who, row.role].append(row)
    for (at, who, _), rows in said.items():
        yield Moment(at, "labels", "judging", who, tuple(rows))
