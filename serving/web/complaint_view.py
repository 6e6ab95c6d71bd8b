"""A complaint's story as its page shows it: masked words, clocks as bars, what may be done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from serving.cases.extensions import Extension, offered
from serving.cases.machine import BodyField, machine
from serving.cases.moments import Moment, moments
from serving.cases.story import Story, Timed
from serving.review.marks import Piece, marks_of, personal, pieces
from serving.review.masking import Hidden, hide
from serving.security.roles import User
from serving.store.cases import BREACHED, MET, PAUSED, RUNNING
from serving.triage.policy import Policy
from serving.web.formats import span

# When a clock is near its end: three days before, of a short one the last quarter.
_NEAR, _LAST = timedelta(days=3), 0.25
FOR_LEADS = frozenset({"paused", "resumed", "withdrawn"})
"""Events that a lead answers for; an extension has a form of its own."""

_EXTENDED = "extended"
# Chosen by those who look at it anyway, or all there are.
_NOT_ASKED = frozenset({"labels", "clocks"})
_MASK = "＊＊＊"
_QUOTES = 4


@dataclass(frozen=True, slots=True)
class Words:
    """What the customer wrote, cut at every mark, and what came along; `hidden` is as long as the
    text: quotes are cut from it, for a piece of a number is not known for one.
    """

    pieces: tuple[Piece, ...]
    personal: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    hidden: str

    def quote(self, spot: Mapping[str, Any]) -> str:
        """What an answer quotes, without personal data; empty once the words were erased."""
        return self.hidden[spot["start"] : spot["end"]]

    def quotes(self, spots: Iterable[Mapping[str, Any]]) -> list[str]:
        """The first few quotes, without those that stand inside of another."""
        said = list(dict.fromkeys(filter(None, map(self.quote, spots))))
        whole = [one for one in said if not any(one != other and one in other for other in said)]
        return whole[:_QUOTES]


@dataclass(frozen=True, slots=True)
class ClockLine:
    """A clock with how much of its time is over, a share in [0, 1], and what it may have next.

    `state` is the row's, or breached where nobody swept since it ran out.
    """

    timed: Timed
    state: str
    share: float
    tone: str
    text: str
    extension: Extension | None


@dataclass(frozen=True, slots=True)
class Doing:
    """A kind of event that can be recorded now, with the fields it asks for."""

    kind: str
    name: str
    fields: tuple[tuple[str, BodyField, bool], ...]


@dataclass(frozen=True, slots=True)
class ComplaintView:
    """The page. `closed` shows what came and nothing that was made of it: a blind review runs."""

    story: Story
    words: Words
    clocks: tuple[ClockLine, ...]
    moments: tuple[Moment, ...]
    doings: tuple[Doing, ...]
    closed: bool

    @property
    def extensions(self) -> list[Extension]:
        """All that may be asked for now."""
        return [line.extension for line in self.clocks if line.extension is not None]

    def chapter(self, name: str) -> list[Moment]:
        """The moments of a chapter, or all."""
        return [one for one in self.moments if name in ("", one.chapter)]


def view(story: Story, user: User, policy: Policy, now: datetime) -> ComplaintView:
    """What `user` is shown of it at `now`."""
    closed = hides(story.blind, user)
    open_ = story.case.status in ("open", "accepted")
    longer = offered([one.row for one in story.clocks], story.standing.answer, policy)
    return ComplaintView(
        story,
        words(story, closed=closed),
        tuple(
            _line(one, longer.get(one.row.clock) if open_ else None, now) for one in story.clocks
        ),
        moments(story),
        tuple(_doings(story, user, policy)),
        closed,
    )


def hides(blind: bool, user: User) -> bool:
    """Whether a reviewer must not know: what they read here they would repeat there."""
    return blind and not user.may_see("lead")


def words(story: Story, *, closed: bool = False, revealed: bool = False) -> Words:
    """The text with what the standing decision points at; `revealed` shows personal data."""
    text = story.complaint.text
    hidden = hide(text) if text else Hidden("", ())
    marks = [] if closed else marks_of(story.standing.answer)
    shown = text if revealed else hidden.text
    return Words(
        tuple(pieces(shown, [*marks, *personal(hidden.findings)])),
        tuple(dict.fromkeys(finding.kind for finding in hidden.findings)),
        tuple(_metadata(story.complaint.fields.get("metadata") or {}, revealed)),
        hidden.text,
    )


def _metadata(given: Mapping[str, Any], revealed: bool) -> Iterator[tuple[str, str]]:
    """A name alone is not known for one: whatever a sender added is shown on demand only."""
    for key, value in given.items():
        written = value if isinstance(value, str) else orjson.dumps(value).decode()
        yield key, written if revealed else _MASK


def _line(timed: Timed, extension: Extension | None, now: datetime) -> ClockLine:
    row = timed.row
    until = row.met_at if row.met_at and row.state in (MET, BREACHED) else now
    whole = (row.due_at - row.started_at).total_seconds()
    share = (until - row.started_at).total_seconds() / whole if whole > 0 else 1.0
    tone, text = _said(timed, now)
    over = row.state == RUNNING and row.due_at < now
    return ClockLine(
        timed, BREACHED if over else row.state, min(1.0, max(0.0, share)), tone, text, extension
    )


def _said(timed: Timed, now: datetime) -> tuple[str, str]:
    row = timed.row
    if row.met_at is not None:
        early = (row.due_at - row.met_at).total_seconds()
        return (
            ("green", f"提前 {span(early)}") if row.state == MET else ("red", f"迟 {span(early)}")
        )
    left = (row.due_at - now).total_seconds()
    if row.state == RUNNING and left > 0:
        near = min(_NEAR, _LAST * (row.due_at - row.started_at))
        return ("amber" if row.strict_due_at - now < near else "blue"), f"还有 {span(left)}"
    if row.state in (RUNNING, BREACHED):
        return "red", f"逾期 {span(left)}"
    return "grey", "中止计时" if row.state == PAUSED else "不再计时"


def _doings(story: Story, user: User, policy: Policy) -> Iterator[Doing]:
    if not user.at_least("reviewer"):
        return
    table = machine()
    for name, kind in table.kinds.items():
        barred = kind.from_ is not None and story.case.status not in kind.from_
        if kind.internal or barred or name == _EXTENDED or not _apt(name, story.clocks, policy):
            continue
        if name in FOR_LEADS and not user.at_least("lead"):
            continue
        asked = [field for field in (*kind.needs, *kind.may) if field not in _NOT_ASKED]
        fields = tuple((field, table.fields[field], field in kind.needs) for field in asked)
        yield Doing(name, kind.name, fields)


def _apt(kind: str, clocks: Sequence[Timed], policy: Policy) -> bool:
    """Whether there is a clock to stop, or to let go on."""
    if kind == "resumed":
        return any(one.row.state == PAUSED for one in clocks)
    if kind == "paused":
        pausable = {clock.id for clock in policy.pack.deadlines.clocks if clock.pausable}
        return any(one.row.state == RUNNING and one.row.clock in pausable for one in clocks)
    return True
