"""How far reviewers agree: second opinions against first ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from serving.review.kappa import Kappa, kappa_of
from serving.review.opening import DONE, SECOND
from serving.store.rows.review import ItemRow


@dataclass(frozen=True, slots=True)
class Pair:
    """Two opinions on one complaint, neither of which knew of the other."""

    complaint_id: str
    first_by: str
    second_by: str
    first: Mapping[str, str]
    second: Mapping[str, str]
    at: datetime


def pairs(session: Session, since: datetime, until: datetime) -> list[Pair]:
    """Second opinions given from `since` up to `until`, with the first ones."""
    first = aliased(ItemRow)
    query = (
        select(
            ItemRow.complaint_id,
            first.submitted_by.label("first_by"),
            ItemRow.submitted_by.label("second_by"),
            first.labels.label("first"),
            ItemRow.labels.label("second"),
            ItemRow.submitted_at.label("at"),
        )
        .join(first, first.id == ItemRow.first_id)
        .where(
            ItemRow.round == SECOND,
            ItemRow.state == DONE,
            ItemRow.submitted_at >= since,
            ItemRow.submitted_at < until,
            first.state == DONE,
        )
        .order_by(ItemRow.submitted_at)
    )
    return [
        Pair(
            complaint_id=row.complaint_id,
            first_by=row.first_by or "",
            second_by=row.second_by or "",
            first=row.first or {},
            second=row.second or {},
            at=row.at or until,
        )
        # Past the mapper: thousands of whole rows would take longer than the database.
        for row in session.connection().execute(query)
    ]


def agreement(session: Session, since: datetime, until: datetime) -> dict[str, Kappa]:
    """Cohen's kappa of each head over the second opinions of a time; heads without any left out."""
    return by_head(pairs(session, since, until))


def by_head(found: Sequence[Pair]) -> dict[str, Kappa]:
    """Kappa of each head over given pairs."""
    heads = dict.fromkeys(head for pair in found for head in pair.first)
    answers = {}
    for head in heads:
        both = [pair for pair in found if head in pair.first and head in pair.second]
        value = kappa_of([p.first[head] for p in both], [p.second[head] for p in both])
        if value is not None:
            answers[head] = value
    return answers
