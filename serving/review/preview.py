"""What would hold if an item were submitted with certain labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from serving.review.answers import complaint_of, model_answer, standing_answer
from serving.review.claims import find
from serving.review.desk import Desk
from serving.review.difference import codes, differences
from serving.review.errors import NotForYouError
from serving.review.redecide import Said, ground, redecide
from serving.review.sight import Due, dues
from serving.store import cases


@dataclass(frozen=True, slots=True)
class Preview:
    """Departments and clocks as they would be, what changes in words, and the rules' floor where
    the labels go below it.
    """

    lead: str
    assisting: tuple[str, ...]
    investigator: str | None
    copies: tuple[str, ...]
    deadlines: tuple[Due, ...]
    changes: tuple[str, ...]
    below: str | None


def preview(
    session: Session, desk: Desk, item_id: str, labels: Mapping[str, str], now: datetime
) -> Preview:
    """Nothing is written. Heads without a known code stay as the model said.

    Raises NotFoundError, or NotForYouError for a blind item, where it would tell what is hidden.
    """
    item = find(session, item_id)
    if item.blind:
        raise NotForYouError("盲审条目提交后才显示去向与时限", field="item")
    case = cases.find(session, item.complaint_id)
    complaint = complaint_of(session, case)
    basis = ground(complaint, desk.policies.at(complaint.received_at), desk.taxonomy)
    model = model_answer(session, item)
    known = {
        head: code
        for head, code in labels.items()
        if head in model["labels"] and code in desk.taxonomy[head].by_code
    }
    standing = standing_answer(session, case)
    whole = {**codes(model), **known}
    answer = redecide(basis, model, Said(whole, "", now))
    head, floor = basis.policy.roles.urgency, basis.floor
    below = head and floor and basis.below_floor(whole)
    routing = answer["routing"]
    return Preview(
        lead=routing["lead"]["name"],
        assisting=tuple(party["name"] for party in routing["assisting"]),
        investigator=routing["investigator"]["name"] if routing["investigator"] else None,
        copies=tuple(party["name"] for party in routing["copies"]),
        deadlines=tuple(dues(basis, answer)),
        changes=tuple(map(str, differences(basis, standing, answer))),
        below=desk.taxonomy[head].by_code[floor].name if below and head and floor else None,
    )
