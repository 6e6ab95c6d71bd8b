"""Write work orders: to whom a decision goes, in the transaction that saves it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from serving.outbox.departments import destinations
from serving.store import outbox
from serving.store.entry import Entry, GroupHook
from serving.store.rows.cases import CaseRow
from serving.triage.policy import Policy

ORDER, WITHDRAWAL, ESCALATION = "order", "withdrawal", "escalation"
LEAD, INVESTIGATOR, ASSISTING, COPY = "lead", "investigator", "assisting", "copy"
HANDLING = frozenset({LEAD, INVESTIGATOR, ASSISTING, ESCALATION})
"""Parts whose holders get the customer's own words; a copy gets them masked."""


def writer(told: Callable[[], Collection[str]], clock: Callable[[], datetime]) -> GroupHook:
    """A hook for Store.attach: a message to every department of each new decision that is told.

    `told` are the departments with a webhook; where there is none it costs nothing.
    """

    def write(session: Session, entries: Sequence[Entry]) -> None:
        named = told()
        if not named:
            return
        now = clock()
        rows = [
            outbox.message(entry.complaint_id, entry.complaint_id, department, ORDER, part, now)
            for entry in entries
            if entry.decision is not None
            for department, part in recipients(entry.decision).items()
            if department in named
        ]
        outbox.add_later(session, rows)

    return write


def recipients(answer: Mapping[str, Any]) -> dict[str, str]:
    """Departments of a decision with their part; who has several has the first of them."""
    routing = answer["routing"]
    investigator = [routing["investigator"]] if routing["investigator"] else []
    parts = (
        (LEAD, [routing["lead"]]),
        (INVESTIGATOR, investigator),
        (ASSISTING, routing["assisting"]),
        (COPY, routing["copies"]),
    )
    found: dict[str, str] = {}
    for part, parties in parts:
        for party in parties:
            found.setdefault(party["code"], part)
    return found


def reroute(
    session: Session,
    case: CaseRow,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    policy: Policy,
    now: datetime,
) -> int:
    """A later decision holds (`case.decision_id`): tell those it goes to, withdraw it from others.

    Call it after `cases.redecided`, in the same transaction. Nobody is told of a decision that says
    the same. Returns how many messages were written.
    """
    if _told_of(before) == _told_of(after):
        return 0
    named = destinations(session, policy, now)
    wanted = recipients(after)
    gone = {code: part for code, part in recipients(before).items() if code not in wanted}
    rows = [
        outbox.message(case.complaint_id, case.decision_id, department, kind, part, now)
        for kind, parties in ((WITHDRAWAL, gone), (ORDER, wanted))
        for department, part in parties.items()
        if department in named
    ]
    outbox.add(session, rows)
    return len(rows)


def escalate(
    session: Session, case: CaseRow, department: str, policy: Policy, now: datetime
) -> bool:
    """Send the case to the department that it escalates to; False where that is not told."""
    if department not in destinations(session, policy, now):
        return False
    message = outbox.message(
        case.complaint_id, case.decision_id, department, ESCALATION, ESCALATION, now
    )
    outbox.add(session, [message])
    return True


def _told_of(answer: Mapping[str, Any]) -> tuple[Any, ...]:
    codes = {head: label["code"] for head, label in answer["labels"].items()}
    return recipients(answer), codes, answer["routing"]["branch"], answer["deadlines"]
