"""Everything about one complaint: what came, was decided, reviewed, sent and done, by when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from serving.cases import clocks
from serving.cases.changes import Change, changes
from serving.review.opening import SECOND
from serving.review.rounds import differing
from serving.security.audit import Link
from serving.store import audit, cases, events
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow, OutboxRow
from serving.store.rows.review import ActRow, ItemRow
from serving.store.tables import ComplaintRow, DecisionRow, LabelRecordRow

MOST_AUDITED = 500
"""Entries of the audit trail that are read of one complaint."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision: `by` is who made it, None a model; `changes` against the one before it.

    `stands` marks the one that holds.
    """

    id: str
    at: datetime
    by: str | None
    answer: Mapping[str, Any]
    changes: tuple[Change, ...]
    stands: bool


@dataclass(frozen=True, slots=True)
class Timed:
    """A clock with its name and legal basis, and those of the extension it runs by, if any."""

    row: ClockRow
    name: str
    basis: str
    extension: str | None
    provisional: bool


@dataclass(frozen=True, slots=True)
class Round:
    """One look at the complaint; `seconds` from claim to word, `differing` the heads on which a
    second opinion was another than the first, None where there is nothing to compare.
    """

    item: ItemRow
    seconds: int | None
    skips: int
    differing: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Story:
    """All that is kept of a complaint, each part in its order of time; no name for any code."""

    complaint: ComplaintRow
    case: CaseRow
    decisions: tuple[Decided, ...]
    clocks: tuple[Timed, ...]
    events: tuple[CaseEventRow, ...]
    rounds: tuple[Round, ...]
    acts: tuple[ActRow, ...]
    labels: tuple[LabelRecordRow, ...]
    orders: tuple[OutboxRow, ...]
    audited: tuple[Link, ...]

    @property
    def erased_at(self) -> datetime | None:
        """When the customer's words were blanked."""
        return self.complaint.erased_at

    @property
    def standing(self) -> Decided:
        """The decision that holds."""
        return next(one for one in self.decisions if one.stands)

    @property
    def blind(self) -> bool:
        """Whether somebody is to look, or looks, without knowing what was said before."""
        return any(one.item.state == "open" and one.item.blind for one in self.rounds)


def story(session: Session, complaint_id: str, *, audited: bool = False) -> Story:
    """Read it, in as many queries however much happened; `audited` adds the audit trail.

    Raises NotFoundError.
    """
    complaint = session.get(ComplaintRow, complaint_id)
    if complaint is None:
        raise NotFoundError("no such complaint", field="complaint_id")
    case = cases.find(session, complaint_id)
    acts = _rows(session, ActRow, complaint_id, ActRow.id)
    decisions = _decided(_rows(session, DecisionRow, complaint_id, DecisionRow.created_at), case)
    return Story(
        complaint=complaint,
        case=case,
        decisions=decisions,
        clocks=_timed(clocks.of(session, complaint_id), decisions),
        events=tuple(events.of(session, complaint_id)),
        rounds=_rounds(_rows(session, ItemRow, complaint_id, ItemRow.opened_at), acts),
        acts=tuple(acts),
        labels=tuple(_rows(session, LabelRecordRow, complaint_id, LabelRecordRow.id)),
        orders=tuple(_rows(session, OutboxRow, complaint_id, OutboxRow.id)),
        audited=_audited(session, complaint_id) if audited else (),
    )


def _rows(session: Session, table: Any, complaint_id: str, order: Any) -> list[Any]:
    query = select(table).where(table.complaint_id == complaint_id).order_by(order, table.id)
    return list(session.scalars(query))


def _decided(rows: Sequence[DecisionRow], case: CaseRow) -> tuple[Decided, ...]:
    found: list[Decided] = []
    # The first has the complaint's own id, whatever the clocks of processes said.
    for row in sorted(rows, key=lambda row: (row.id != case.complaint_id, row.created_at, row.id)):
        answer = orjson.loads(row.body)
        against = changes(found[-1].answer, answer) if found else ()
        by = answer["reviewed"]["by"] if "reviewed" in answer else None
        stands = row.id == case.decision_id
        found.append(Decided(row.id, row.created_at, by, answer, against, stands))
    return tuple(found)


def _timed(rows: Sequence[ClockRow], decisions: Sequence[Decided]) -> tuple[Timed, ...]:
    """Clocks of decisions that no longer hold keep the name they had there."""
    named: dict[str, Mapping[str, Any]] = {}
    for one in decisions:
        named |= {limit["clock"]: limit for limit in one.answer["deadlines"]}
    found = []
    for row in rows:
        own = named.get(row.clock, {})
        longer = named.get(row.extended or "", {})
        found.append(
            Timed(
                row,
                own.get("name", row.clock),
                longer.get("basis") or own.get("basis", ""),
                longer.get("name"),
                bool((longer or own).get("provisional")),
            )
        )
    return tuple(found)


def _rounds(items: Sequence[ItemRow], acts: Sequence[ActRow]) -> tuple[Round, ...]:
    by_id = {item.id: item for item in items}
    found = []
    for item in items:
        own = [act for act in acts if act.item_id == item.id]
        took = [act.body.get("seconds") for act in own if act.kind == "submitted"]
        skips = sum(act.kind == "skipped" for act in own)
        first = by_id.get(item.first_id or "")
        compared = item.round == SECOND and item.labels and first is not None and first.labels
        apart = tuple(differing(first, item)) if compared and first is not None else None
        found.append(Round(item, took[-1] if took else None, skips, apart))
    return tuple(found)


def _audited(session: Session, complaint_id: str) -> tuple[Link, ...]:
    """Under both names by which it was recorded."""
    found = [
        link
        for subject in (f"complaint:{complaint_id}", complaint_id)
        for link in audit.page(session, audit.Filter(subject=subject), MOST_AUDITED)
    ]
    return tuple(sorted(found, key=lambda link: link.seq))
