"""What a work order says: made from the stored decision when it is sent, so that none is kept."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy.orm import Session

from data.pii.mask import mask
from serving.outbox.orders import HANDLING, WITHDRAWAL
from serving.store.privacy import wordless
from serving.store.rows.outbox import OutboxRow
from serving.store.tables import ComplaintRow, DecisionRow

VERSION = "1"


def build(session: Session, message: OutboxRow) -> bytes:
    """The body of a message: the same bytes at each attempt, unless data were erased meanwhile.

    Who handles gets the complaint as it came in; a copy gets words with personal data masked, and
    a decision that quotes nothing. A withdrawal has no words at all.
    """
    complaint = session.get_one(ComplaintRow, message.complaint_id)
    decision = session.get_one(DecisionRow, message.decision_id)
    document: dict[str, Any] = {
        "version": VERSION,
        "id": message.id,
        "kind": message.kind,
        "part": message.part,
        "department": message.department,
        "created_at": message.created_at.isoformat(),
        "complaint_id": complaint.id,
        "decision_id": decision.id,
        "source": complaint.source or None,
        "external_id": complaint.external_id,
    }
    if message.kind != WITHDRAWAL:
        document |= _words(complaint, orjson.loads(decision.body), message.part in HANDLING)
    return orjson.dumps(document)


def _words(complaint: ComplaintRow, decision: dict[str, Any], handling: bool) -> dict[str, Any]:
    given = {"text": complaint.text, **complaint.fields}
    erased = complaint.erased_at is not None
    if handling:
        return {"complaint": given, "erased": erased, "decision": decision}
    # Metadata may name the customer in ways that no pattern finds.
    shown = _masked({key: value for key, value in given.items() if key != "metadata"})
    return {"complaint": shown, "erased": erased, "decision": wordless(decision)}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return mask(value).text if isinstance(value, str) else value
