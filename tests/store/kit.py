"""Entries for the store's tests, and the store itself on either database."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase
from ulid import ULID

from data.records import Complaint
from serving.store.entry import Entry
from serving.store.store import Store

WHEN = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
VERSIONS = {"model": "m", "taxonomy": "t", "policy": "p"}
_numbers = itertools.count()


def entry(text: str = "没人理我", **given: Any) -> Entry:
    """A decided complaint, its ids, key, fingerprint and attachments as given."""
    key = given.pop("key", None)
    fingerprint = given.pop("fingerprint", text)
    attachments = given.pop("attachments", ())
    body = orjson.dumps({"number": next(_numbers), "text": text})
    complaint = Complaint(text=text, received_at=WHEN, **given)
    return Entry(str(ULID()), complaint, fingerprint, key, body, VERSIONS, None, attachments)


def count(store: Store, table: type[DeclarativeBase]) -> int:
    """Rows in a table."""
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
