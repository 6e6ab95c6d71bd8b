"""Pass an item on to others, saying why."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from data.errors import InputError
from serving.review import acts
from serving.review.claims import free, held
from serving.review.desk import Reviewer
from serving.store.rows.review import ItemRow

REASONS: Final = {
    "needs_lead": "需要组长判断",
    "unclear": "看不明白",
    "not_a_complaint": "不是投诉",
    "recusal": "本人须回避",
}
"""Why an item may be passed on, with its name."""

_FOR_LEADS: Final = frozenset({"needs_lead", "not_a_complaint"})


def skip(
    session: Session,
    reviewer: Reviewer,
    item_id: str,
    version: int | None,
    reason: str,
    note: str | None,
    now: datetime,
) -> ItemRow:
    """Put the item back for others; the reviewer does not get this complaint again by itself.

    What needs a lead goes to leads only. Raises InputError for an unknown reason, LeaseLostError or
    StaleItemError as `held` does.
    """
    if reason not in REASONS:
        raise InputError(f"expected one of {', '.join(REASONS)}", field="reason")
    row = held(session, reviewer, item_id, version, now)
    acts.write(session, row, "skipped", reviewer.who, now, reason=reason, note=note)
    if reason in _FOR_LEADS:
        row.lead_only = True
    free(row)
    return row
