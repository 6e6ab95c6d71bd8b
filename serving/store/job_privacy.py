"""What rows of jobs hold of a customer: blanked with their complaints, or by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from serving.store.rows.jobs import JobItemRow

BLANKED = frozenset({"job_items"})

_ERASED = orjson.dumps({"code": "erased", "detail": "the row was erased"}).decode()


def blank(session: Session, complaints: Sequence[str], rows: Sequence[str], now: datetime) -> None:
    """Blank rows that led to these complaints, and these rows; one that waits is never decided."""
    query = select(JobItemRow).where(
        or_(JobItemRow.complaint_id.in_(complaints), JobItemRow.id.in_(rows))
    )
    for row in session.scalars(query):
        row.text, row.answer, row.erased_at = "", None, now
        row.fields = {}
        row.given_id = None
        if row.problem is not None or row.state == "waiting":
            row.problem, row.state = _ERASED, "failed"
