"""Take a complaint in: decide it once, save it, answer what was saved."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from ulid import ULID

from data.records import Complaint
from serving.pipeline import Outcome, Pipeline
from serving.store.commit import Committer
from serving.store.entry import Attachment, Entry, Saved
from serving.store.store import Store


def _ignored(_: Outcome) -> None:
    """Nobody keeps figures."""


def _unmeasured(_: str) -> None:
    """Nobody measures."""


@dataclass(frozen=True)
class Intake:
    """The pipeline, the store and its committer behind one call. Safe to share between threads.

    `on_decided` is told of every new decision, in the thread that made it.
    """

    pipeline: Pipeline
    store: Store
    committer: Committer
    on_decided: Callable[[Outcome], None] = _ignored

    def take(
        self,
        complaint: Complaint,
        fingerprint: str,
        key: str | None,
        *,
        attachments: tuple[Attachment, ...] = (),
    ) -> Saved:
        """Decide and save; the first answer where the same came before. Blocks until durable.

        Raises InputError for a text without words, ConflictError where the identity was used for
        another content, StoreDownError where the database does not answer.
        """
        begun = self.begin(complaint, fingerprint, key, attachments=attachments)
        return begun.result() if isinstance(begun, Future) else begun

    def begin(
        self,
        complaint: Complaint,
        fingerprint: str,
        key: str | None,
        *,
        attachments: tuple[Attachment, ...] = (),
        actor: str = "suda",
        lap: Callable[[str], None] = _unmeasured,
    ) -> Saved | Future[Saved]:
        """As `take`, but what is new comes as a future, done once its group is committed.

        `attachments` write rows of their own in the same transaction; `actor` is who sent it.
        """
        entry = Entry(
            str(ULID()),
            complaint,
            fingerprint,
            key,
            b"",
            {},
            attachments=attachments,
            actor=actor,
        )
        if (earlier := self.store.find_earlier(entry)) is not None:
            return Saved(earlier, replayed=True)
        outcome = self.pipeline.outcome(complaint, entry.complaint_id, lap)
        self.on_decided(outcome)
        return self.committer.submit(
            replace(
                entry,
                body=orjson.dumps(outcome.answer),
                versions=outcome.versions,
                decision=outcome.answer,
            )
        )


def now() -> datetime:
    """The clock of the service."""
    return datetime.now(UTC)


def loads(body: bytes) -> Any:
    """A stored decision as an object."""
    return orjson.loads(body)
