"""Read a complaint back, and what was answered about it: by the model, and as it stands now."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from data.records import Complaint
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow
from serving.store.tables import ComplaintRow, DecisionRow


def complaint_of(session: Session, case: CaseRow) -> Complaint:
    """The complaint as received. Raises NotFoundError where its words were erased."""
    return received(words_of(session, case), case)


def words_of(session: Session, case: CaseRow) -> ComplaintRow:
    """The complaint's row. Raises NotFoundError where its words were erased."""
    row = session.get(ComplaintRow, case.complaint_id)
    if row is None or row.erased_at is not None:
        raise NotFoundError("这条投诉的内容已按要求删除", field="complaint_id")
    return row


def received(row: ComplaintRow, case: CaseRow) -> Complaint:
    """The complaint of a row, as received."""
    return Complaint(
        text=row.text,
        # The case's time has its zone on every database.
        received_at=case.received_at.astimezone(UTC),
        external_id=row.external_id,
        source=row.source or None,
        channel=row.fields.get("channel"),
        branch=row.fields.get("branch"),
        product_hint=row.fields.get("product_hint"),
        customer_segment=row.fields.get("customer_segment"),
        metadata=row.fields.get("metadata") or {},
    )


def standing_answer(session: Session, case: CaseRow) -> dict[str, Any]:
    """The decision that holds. Raises NotFoundError."""
    row = session.get(DecisionRow, case.decision_id)
    if row is None:
        raise NotFoundError("no such decision", field="decision_id")
    answer: dict[str, Any] = orjson.loads(row.body)
    return answer


def model_answer(session: Session, item: ItemRow) -> dict[str, Any]:
    """What the model said: of the newer model where one was asked, else as first decided.

    Raises NotFoundError.
    """
    if item.suggestion is not None:
        answer: dict[str, Any] = orjson.loads(item.suggestion)
        return answer
    query = (
        select(DecisionRow.body)
        .where(DecisionRow.complaint_id == item.complaint_id)
        .order_by(DecisionRow.created_at.desc(), DecisionRow.id.desc())
    )
    for body in session.scalars(query):
        answer = orjson.loads(body)
        if "reviewed" not in answer:
            return answer
    raise NotFoundError("no such decision", field="complaint_id")
