"""Give out what is kept of a customer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from data.pii.mask import mask
from serving.store import events
from serving.store.privacy import Held, rows_of, wordless
from serving.store.rows.jobs import JobItemRow
from serving.store.tables import ComplaintRow, DecisionRow, LabelRecordRow, LabelTextRow


def export(session: Session, held: Held, *, masked: bool = True) -> Iterator[dict[str, Any]]:
    """All that is kept of each complaint or text; times as stored, in UTC.

    Masked, personal data in words are masked and decisions quote nothing: a piece of a number is
    not known for one.
    """
    for row in rows_of(session, ComplaintRow, held.complaints):
        decisions = [orjson.loads(body) for body in _bodies(session, row.id)]
        yield {
            "complaint_id": row.id,
            "received_at": row.received_at.isoformat(),
            **_said(row, masked),
            "decisions": wordless(decisions) if masked else decisions,
            "labels": _labels(session, LabelRecordRow.complaint_id == row.id, masked),
            "events": _events(session, row.id, masked),
        }
    for text in rows_of(session, LabelTextRow, held.texts):
        labels = _labels(session, LabelRecordRow.text_id == text.id, masked)
        yield {"text_id": text.id, **_said(text, masked), "labels": labels}
    for item in rows_of(session, JobItemRow, held.rows):
        yield {"job_row": item.id, **_said(item, masked)}


def _said(row: ComplaintRow | LabelTextRow | JobItemRow, masked: bool) -> dict[str, Any]:
    return {
        "source": row.source or None,
        "external_id": row.external_id,
        "text": _shown(row.text, masked),
        "fields": _shown(row.fields, masked),
    }


def _shown(value: Any, masked: bool) -> Any:
    if not masked:
        return value
    if isinstance(value, dict):
        return {key: _shown(item, masked) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item, masked) for item in value]
    return mask(value).text if isinstance(value, str) else value


def _bodies(session: Session, complaint_id: str) -> Iterator[bytes]:
    query = select(DecisionRow.body).where(DecisionRow.complaint_id == complaint_id)
    yield from session.scalars(query.order_by(DecisionRow.created_at))


def _labels(session: Session, whose: ColumnElement[bool], masked: bool) -> list[dict[str, Any]]:
    rows = session.scalars(select(LabelRecordRow).where(whose).order_by(LabelRecordRow.id))
    return [
        {
            **{name: getattr(row, name) for name in ("head", "code", "role", "who")},
            "decided_at": row.decided_at.isoformat(),
            "comment": _shown(row.comment, masked),
        }
        for row in rows
    ]


def _events(session: Session, complaint_id: str, masked: bool) -> list[dict[str, Any]]:
    return [
        {
            **{name: getattr(row, name) for name in ("kind", "who", "department")},
            "at": row.at.isoformat(),
            **_shown(row.body, masked),
            "note": _shown(row.note, masked),
        }
        for row in events.of(session, complaint_id)
    ]
