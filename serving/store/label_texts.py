"""The texts that label records speak of: complaints, and texts labelled elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session
from ulid import ULID

from data.snapshot.heldout import fingerprint
from data.snapshot.record import Feedback, LabelRecord
from serving.store import labels
from serving.store.earlier import latest
from serving.store.tables import ComplaintRow, LabelTextRow

SHANGHAI = ZoneInfo("Asia/Shanghai")
_PAGE = 500
# Fields of a complaint that a trained text may keep: no free text and nothing the caller invented.
_META = ("channel", "branch", "product_hint", "customer_segment", "received_at", "group")


@dataclass(frozen=True, slots=True)
class Said:
    """What the model had said about a complaint: codes by head, before any rule raised them."""

    codes: Mapping[str, str]
    bundle: str | None


def locate(
    session: Session, id_: str | None, source: str | None, external_id: str | None
) -> str | None:
    """Our id of a complaint or text, found by that id or by (source, external_id)."""
    for table in (ComplaintRow, LabelTextRow):
        if id_ is not None and session.get(table, id_) is not None:
            return id_
    if external_id is None:
        return None
    for table in (ComplaintRow, LabelTextRow):
        found = session.scalar(
            select(table.id).where(table.source == (source or ""), table.external_id == external_id)
        )
        if found is not None:
            return found
    return None


def said(session: Session, complaint_id: str) -> Said:
    """What the model said in the latest decision on a complaint; nothing for another text."""
    if session.get(ComplaintRow, complaint_id) is None:
        return Said({}, None)
    decision = orjson.loads(latest(session, complaint_id) or b"{}")
    answers = decision.get("labels", {})
    codes = {head: answer.get("model_code") or answer["code"] for head, answer in answers.items()}
    return Said(codes, decision.get("versions", {}).get("model"))


def keep_text(
    session: Session,
    text: str,
    *,
    source: str | None,
    external_id: str | None,
    fields: Mapping[str, Any],
    now: datetime,
) -> str:
    """Keep a text from elsewhere and return its id; the same words of a source are kept once."""
    mark = fingerprint(text)
    same = select(LabelTextRow.id).where(
        LabelTextRow.fingerprint == mark, LabelTextRow.source == (source or "")
    )
    same = same.where(
        LabelTextRow.external_id.is_(None)
        if external_id is None
        else LabelTextRow.external_id == external_id
    )
    if (found := session.scalar(same)) is not None:
        return found
    row = LabelTextRow(
        id=str(ULID()),
        source=source or "",
        external_id=external_id,
        # PostgreSQL holds no NUL; one character for one, as for complaints.
        text=text.replace("\x00", "\ufffd"),
        fields=dict(fields),
        fingerprint=mark,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row.id


def feedback(session: Session, moment: datetime | None = None) -> Iterator[Feedback]:
    """Every text that has records, with all of them, in order of id.

    With `moment` only texts that got a record since; erased texts never.
    """
    subjects = labels.subjects(session, moment)
    for start in range(0, len(subjects), _PAGE):
        page = subjects[start : start + _PAGE]
        records: dict[str, list[LabelRecord]] = defaultdict(list)
        for record in labels.about(session, page):
            records[record.subject].append(record)
        for item in _texts(session, page):
            yield Feedback(item.id, item.text, tuple(records[item.id]), item.meta)


def _texts(session: Session, ids: list[str]) -> list[Feedback]:
    rows = [
        *session.scalars(
            select(ComplaintRow).where(ComplaintRow.id.in_(ids), ComplaintRow.erased_at.is_(None))
        ),
        *session.scalars(
            select(LabelTextRow).where(LabelTextRow.id.in_(ids), LabelTextRow.erased_at.is_(None))
        ),
    ]
    found = [Feedback(row.id, row.text, (), _meta(row)) for row in rows]
    return sorted(found, key=lambda item: item.id)


def _meta(row: ComplaintRow | LabelTextRow) -> dict[str, Any]:
    fields = {name: row.fields[name] for name in _META if row.fields.get(name)}
    named = {"source": row.source or None, "external_id": row.external_id}
    received = {"received_at": _day(row.received_at)} if isinstance(row, ComplaintRow) else {}
    return {**fields, **received, **{key: value for key, value in named.items() if value}}


def _day(time: datetime) -> str:
    """The date in China."""
    return time.astimezone(SHANGHAI).date().isoformat()
