"""A suggestion of a model that no longer serves is asked for anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy.orm import Session

from data.records import Complaint
from serving.review.answers import complaint_of, model_answer
from serving.review.claims import find
from serving.store import cases


def outdated(session: Session, item_id: str, version: str) -> Complaint | None:
    """The complaint, where another model than `version` made the suggestion of its item.

    Raises NotFoundError.
    """
    item = find(session, item_id)
    if model_answer(session, item)["versions"]["model"] == version:
        return None
    return complaint_of(session, cases.find(session, item.complaint_id))


def suggest(session: Session, item_id: str, answer: Mapping[str, Any]) -> None:
    """Let the answer of the model that serves be the item's suggestion. It decides nothing."""
    find(session, item_id).suggestion = orjson.dumps(answer)
