"""Take a complaint in: decide it once, save it, answer what was saved."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from ulid import ULID

from data.errors import SudaError
from data.records import Complaint
from serving.engine.laps import Lap, unmeasured
from serving.models.canary import Canary
from serving.pipeline import Outcome, Pipeline
from serving.repeats import Repeats
from serving.store.commit import Committer
from serving.store.entry import Attachment, Entry, Saved
from serving.store.store import Store


def _ignored(_: object) -> None:
    """Nobody keeps figures."""


@dataclass(frozen=True)
class Intake:
    """The pipeline, the store and its committer behind one call. Safe to share between threads.

    One value, never changed: whoever reads it once decides by one set of models. `canary` answers
    its share of what comes in, `pipeline` the rest, and what the canary fails on.
    `on_decided` is told of every new decision and `on_failed` of a model that failed, by its
    version, in the thread where it happened; `on_saved` of what has become durable, in the thread
    that saved it: it must not block.
    """

    pipeline: Pipeline
    store: Store
    committer: Committer
    on_decided: Callable[[Outcome], None] = _ignored
    on_failed: Callable[[str], None] = _ignored
    on_saved: Callable[[Complaint, Outcome], None] | None = None
    canary: Canary | None = None
    repeats: Repeats = field(default_factory=Repeats)

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
        lap: Lap = unmeasured,
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
        if self.repeats.met(entry) and (earlier := self.store.find_earlier(entry)) is not None:
            return Saved(earlier, replayed=True)
        outcome = self._decide(complaint, entry.complaint_id, lap)
        self.on_decided(outcome)
        saved = self.committer.submit(
            replace(
                entry,
                body=outcome.body,
                versions=outcome.versions,
                decision=outcome.answer,
            )
        )
        if self.on_saved is not None:
            saved.add_done_callback(partial(_tell, self.on_saved, complaint, outcome))
        return saved

    def _decide(self, complaint: Complaint, complaint_id: str, lap: Lap) -> Outcome:
        if self.canary is not None and self.canary.takes(complaint):
            with suppress(_CanaryFailedError):
                return self._outcome(self.canary.pipeline, complaint, complaint_id, lap)
        return self._outcome(self.pipeline, complaint, complaint_id, lap)

    def _outcome(
        self,
        pipeline: Pipeline,
        complaint: Complaint,
        complaint_id: str,
        lap: Lap,
    ) -> Outcome:
        try:
            return pipeline.outcome(complaint, complaint_id, lap)
        except SudaError:
            # The text's fault, or one that says itself what is wrong.
            raise
        except Exception as error:
            self.on_failed(pipeline.classifier.version)
            if pipeline is self.pipeline:
                raise
            raise _CanaryFailedError from error


class _CanaryFailedError(Exception):
    """The champion answers in its place."""


def _tell(
    on_saved: Callable[[Complaint, Outcome], None],
    complaint: Complaint,
    outcome: Outcome,
    saved: Future[Saved],
) -> None:
    if saved.exception() is None and not saved.result().replayed:
        on_saved(complaint, outcome)


def now() -> datetime:
    """The clock of the service."""
    return datetime.now(UTC)


def loads(body: bytes) -> Any:
    """A stored decision as an object."""
    return orjson.loads(body)
