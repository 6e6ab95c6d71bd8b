"""Take a complaint in: decide it once, save it, answer what was saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from ulid import ULID

from data.records import Complaint
from serving.pipeline import Pipeline
from serving.store.store import Entry, Saved, Store


@dataclass(frozen=True)
class Intake:
    """The pipeline and the store behind one call. Blocking; safe to share between threads."""

    pipeline: Pipeline
    store: Store

    def take(self, complaint: Complaint, fingerprint: str, key: str | None) -> Saved:
        """Decide and save; the first answer where the same came before.

        Raises ConflictError where the identity was used for another content.
        """
        entry = Entry(
            complaint_id=str(ULID()),
            complaint=complaint,
            fingerprint=fingerprint,
            key=key,
            body=b"",
            versions={},
        )
        if (earlier := self.store.find_earlier(entry)) is not None:
            return Saved(earlier, replayed=True)
        decision = self.pipeline.decide(complaint, entry.complaint_id)
        return self.store.save(
            Entry(
                complaint_id=entry.complaint_id,
                complaint=complaint,
                fingerprint=fingerprint,
                key=key,
                body=orjson.dumps(decision),
                versions=decision["versions"],
            )
        )


def now() -> datetime:
    """The clock of the service."""
    return datetime.now(UTC)


def loads(body: bytes) -> Any:
    """A stored decision as an object."""
    return orjson.loads(body)
