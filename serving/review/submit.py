"""Take a reviewer's word: label records, a new decision where something changes, what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from data.errors import SudaError
from data.exchange.judgement import Judgement
from serving.cases import events
from serving.cases.events import Event
from serving.feedback import take
from serving.review import acts, choice, rounds
from serving.review.answers import model_answer, received, standing_answer, words_of
from serving.review.choice import Choice
from serving.review.claims import find, free, held
from serving.review.deciding import decide_anew
from serving.review.desk import Desk, Reviewer
from serving.review.difference import codes
from serving.review.opening import ADJUDICATION, DONE, FIRST, SECOND, nearest
from serving.review.redecide import Ground, Said, ground, redecide
from serving.review.signature import SAID, said
from serving.security.audit import Record
from serving.store import audit
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import BandRow, ItemRow

VIA = "workbench"


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of a submission: heads said otherwise than the model, and what holds from now on.

    `decision_id` is the new decision, None where nothing changed; `follow` the round that was
    opened. `record` is still to be put into the audit trail, last in the transaction.
    """

    item: ItemRow
    changed: tuple[str, ...]
    decision_id: str | None
    follow: ItemRow | None
    record: Record


def submit(
    session: Session,
    desk: Desk,
    reviewer: Reviewer,
    item_id: str,
    chosen: Choice,
    now: datetime,
    *,
    version: int | None = None,
) -> Submitted:
    """Submit an item that the reviewer holds, in the session's transaction.

    Raises LeaseLostError or StaleItemError where it is no longer theirs, InputError naming the head
    or the reason that is missing, NotFoundError where the complaint's words were erased.
    """
    row = held(session, reviewer, item_id, version, now)
    done = apply(session, desk, reviewer, row, chosen, now)
    audit.append(session, [done.record], now)
    return done


def apply(
    session: Session,
    desk: Desk,
    reviewer: Reviewer,
    row: ItemRow,
    chosen: Choice,
    now: datetime,
    *,
    bulk_id: str | None = None,
) -> Submitted:
    """As `submit`, on an item that is known to be the reviewer's; the audit is the caller's."""
    case = events.locked(session, row.complaint_id)
    # Named, and so kept until the end: else all that asks for it would read it anew.
    words = words_of(session, case)
    complaint = received(words, case)
    policy = desk.policies.at(complaint.received_at)
    basis = ground(complaint, policy, desk.taxonomy)
    model = model_answer(session, row)
    choice.check(chosen, model, basis, blind=row.blind)
    told = {h: label.get("model_code") or label["code"] for h, label in model["labels"].items()}
    _record(session, desk, reviewer, row, chosen, model, told, now, bulk_id)
    row.changed = sorted(head for head, code in chosen.labels.items() if told[head] != code)
    row.labels, row.bulk_id, row.before_id = dict(chosen.labels), bulk_id, case.decision_id
    row.submitted_by, row.submitted_at, row.state = reviewer.who, now, DONE
    seconds = round((now - row.claimed_at).total_seconds()) if row.claimed_at else None
    free(row)
    row.decision_id = _decide(session, case, row, basis, model, reviewer, now)
    follow = _follow(session, desk, case, row, now)
    _tell(session, row, reviewer, now)
    acts.write(
        session, row, "submitted", reviewer.who, now, note=chosen.words,
        body={"labels": row.labels, "changed": row.changed, "seconds": seconds,
              "blind": row.blind, "model": model["versions"]["model"], "bulk": bulk_id},
    )  # fmt: skip
    if row.round == FIRST:
        _sign(session, row.complaint_id, told)
    session.flush()
    details = {"role": _role(row), "labels": row.labels, "item": row.id, "round": row.round}
    subject = f"complaint:{row.complaint_id}"
    record = Record(reviewer.actor, "labels.recorded", subject, details)
    return Submitted(row, tuple(row.changed), row.decision_id, follow, record)


def _record(
    session: Session,
    desk: Desk,
    reviewer: Reviewer,
    row: ItemRow,
    chosen: Choice,
    model: dict[str, Any],
    told: dict[str, str],
    now: datetime,
    bulk_id: str | None,
) -> None:
    judgement = Judgement(
        labels=chosen.labels,
        who=reviewer.who,
        role=_role(row),
        id=row.complaint_id,
        decided_at=now,
        model=told,
        bundle=model["versions"]["model"],
        comment=chosen.words,
        # Nobody looked at each of them.
        selection="bulk" if bulk_id else row.selection,
        inclusion=None if bulk_id else row.inclusion,
    )
    (taken,) = take(session, [judgement], desk.taxonomy, now, VIA)
    if isinstance(taken, SudaError):
        raise taken


def _role(row: ItemRow) -> Any:
    return "adjudication" if row.round == ADJUDICATION else "review"


def _decide(
    session: Session,
    case: CaseRow,
    row: ItemRow,
    basis: Ground,
    model: dict[str, Any],
    reviewer: Reviewer,
    now: datetime,
) -> str | None:
    """A new decision where labels differ from what stands; a second opinion decides nothing."""
    standing = standing_answer(session, case)
    labels = dict(row.labels or {})
    urgency = basis.policy.roles.urgency
    if row.blind and urgency and basis.floor and basis.below_floor(labels):
        # They did not know what the rules found, so the rules hold.
        labels[urgency] = basis.floor
    if row.round == SECOND or codes(standing) == labels:
        return None
    answer = redecide(basis, model, Said(labels, reviewer.who, now, row.round))
    return decide_anew(session, case, standing, answer, basis.policy, reviewer.who, now)


def _follow(
    session: Session, desk: Desk, case: CaseRow, row: ItemRow, now: datetime
) -> ItemRow | None:
    """Close the review of the case, or open the round that comes next."""
    if row.round != SECOND:
        case.review = "done"
        again = row.round == FIRST and rounds.doubled(row, desk.terms)
        return rounds.second(session, row, now) if again else None
    first = find(session, row.first_id or "")
    if not rounds.differing(first, row):
        return None
    case.review = "waiting"
    due_at = nearest(standing_answer(session, case))
    return rounds.adjudication(session, first, row, due_at, now)


def _tell(session: Session, row: ItemRow, reviewer: Reviewer, now: datetime) -> None:
    body = {
        "item": row.id,
        "round": row.round,
        "labels": row.labels,
        "changed": row.changed,
        "decision": row.decision_id,
    }
    events.record(session, Event(row.complaint_id, "reviewed", reviewer.who, body=body), now)


def _sign(session: Session, complaint_id: str, told: dict[str, str]) -> None:
    """Let complaints that the model takes for the same kind find this one."""
    key = said(told)
    if session.get(BandRow, (key, complaint_id)) is None:
        session.add(BandRow(key=key, complaint_id=complaint_id, band=SAID))
