"""What the service itself puts into the audit trail."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
from sqlalchemy.orm import Session, sessionmaker

from serving.pipeline import Pipeline
from serving.security.audit import Record
from serving.store import audit
from serving.store.entry import Entry


def record_model(sessions: sessionmaker[Session], pipeline: Pipeline) -> None:
    """Record what serves from now on, unless it is what served before."""
    now = datetime.now(UTC)
    serving = {
        "model": pipeline.classifier.version,
        "taxonomy": pipeline.taxonomy.stamp,
        "policy": pipeline.policies.at(now).stamp,
    }
    with sessions.begin() as session:
        before = audit.latest(session, "service")
        if before is None or orjson.loads(before.details) != serving:
            audit.record(session, "suda", "model.serving", "service", serving, now=now)


def record_decisions(session: Session, entries: Sequence[Entry]) -> None:
    """One audit record for each decision: who asked, what decided, and a hash of the answer."""
    records = [
        Record(
            entry.actor,
            "decision.recorded",
            f"complaint:{entry.complaint_id}",
            {**entry.versions, "sha256": hashlib.sha256(entry.body).hexdigest()},
        )
        for entry in entries
    ]
    audit.append_later(session, records, datetime.now(UTC))
