"""What erasing a customer does to the reviews of their complaints."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ActRow, BandRow, ItemRow

BLANKED = frozenset({"review_items", "review_acts", "review_bands"})
"""Tables that `blank` blanks."""


def blank(session: Session, complaints: Sequence[str]) -> None:
    """Take the words out of reviews, and what was not reviewed out of the queue.

    Signatures go whole: who guesses at a text could tell by them whether it was said.
    """
    quiet = {"synchronize_session": False}
    session.execute(
        update(ItemRow)
        .where(ItemRow.complaint_id.in_(complaints))
        .values(suggestion=None)
        .execution_options(**quiet)
    )
    session.execute(
        update(ItemRow)
        .where(ItemRow.complaint_id.in_(complaints), ItemRow.state == "open")
        .values(state="closed", lease_until=None, version=ItemRow.version + 1)
        .execution_options(**quiet)
    )
    session.execute(
        update(CaseRow)
        .where(CaseRow.complaint_id.in_(complaints), CaseRow.review == "waiting")
        .values(review="none")
        .execution_options(**quiet)
    )
    session.execute(
        update(ActRow)
        .where(ActRow.complaint_id.in_(complaints), ActRow.note.is_not(None))
        .values(note=None)
        .execution_options(**quiet)
    )
    session.execute(
        delete(BandRow).where(BandRow.complaint_id.in_(complaints)).execution_options(**quiet)
    )
