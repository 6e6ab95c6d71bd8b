"""Complaints to keep secret, on any database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker
from ulid import ULID

from data.records import Complaint
from serving.security.encryption import new_key
from serving.settings import Settings
from serving.store.database import connect, migrate
from serving.store.entry import Entry
from serving.store.store import Store

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
WORDS = "冯玉兰老太太在西岭路网点买的理财亏光了"
KEY = new_key()


@contextmanager
def opened(url: str, text_key: str | None = None) -> Iterator[tuple[Engine, sessionmaker[Session]]]:
    """A migrated database with its sessions."""
    engine = connect(url, Settings(text_key=text_key))  # type: ignore[arg-type]
    migrate(engine)
    try:
        yield engine, sessionmaker(engine)
    finally:
        engine.dispose()


def keep(
    engine: Engine,
    *,
    now: datetime = NOW,
    words: str = WORDS,
    external_id: str | None = None,
    received_at: datetime | None = None,
    **metadata: Any,
) -> str:
    """Save a complaint with a decision that quotes it; its id."""
    complaint_id = str(ULID())
    decision = {
        "complaint_id": complaint_id,
        "labels": {
            "mood": {
                "code": "bad",
                "evidence": [{"start": 0, "end": 3, "text": words[:3], "weight": 0.4}],
                "rule_evidence": [{"rule": "r", "start": 3, "end": 6, "text": words[3:6]}],
            }
        },
        "flags": [{"code": "f", "evidence": [{"start": 6, "end": 9, "text": words[6:9]}]}],
    }
    complaint = Complaint(
        words,
        received_at or now,
        external_id=external_id,
        source="phone",
        branch="城东支行",
        metadata=metadata,
    )
    versions = {"model": "m", "taxonomy": "t", "policy": "p"}
    body = orjson.dumps(decision)
    key = f"key-{complaint_id}"
    entry = Entry(complaint_id, complaint, "f" * 64, key, body, versions)
    Store(engine, clock=lambda: now).save(entry)
    return complaint_id
