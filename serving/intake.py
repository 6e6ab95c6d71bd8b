"""Take a complaint in: decide it once, save it, answer what was saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
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


@dataclass(frozen=True, slots=True)
class Received:
    """A complaint as it came in: what `Intake.begin` is given of it."""

    complaint: Complaint
    fingerprint: str
    key: str | None
    attachments: tuple[Attachment, ...] = ()
    actor: str = "suda"
    lap: Lap = unmeasured

    def entry(self) -> Entry:
        """With an id, and without its decision."""
        return Entry(
            str(ULID()),
            self.complaint,
            self.fingerprint,
            self.key,
            b"",
            {},
            attachments=self.attachments,
            actor=self.actor,
        )


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
        received = Received(complaint, fingerprint, key, attachments, actor, lap)
        (begun,) = self.begin_all([received])
        if isinstance(begun, Exception):
            raise begun
        return begun

    def begin_all(self, received: Sequence[Received]) -> list[Saved | Future[Saved] | Exception]:
        """As `begin`, several at once; in the place of one that fails stands what is raised there.

        All are decided by one set of models.
        """
        entries = [one.entry() for one in received]
        found: list[Saved | Future[Saved] | Exception | None] = [*map(self._earlier, entries)]
        new = [at for at, known in enumerate(found) if known is None]
        decided = self._decide([entries[at] for at in new], [received[at].lap for at in new])
        for at, outcome in zip(new, decided, strict=True):
            if isinstance(outcome, Outcome):
                found[at] = self._save(entries[at], outcome)
            else:
                found[at] = outcome
        return [one for one in found if one is not None]

    def _earlier(self, entry: Entry) -> Saved | Exception | None:
        try:
            earlier = self.store.find_earlier(entry) if self.repeats.met(entry) else None
        except Exception as error:  # noqa: BLE001 - it stands in the answer's place
            return error
        return None if earlier is None else Saved(earlier, replayed=True)

    def _save(self, entry: Entry, outcome: Outcome) -> Future[Saved] | Exception:
        try:
            self.on_decided(outcome)
            saved = self.committer.submit(
                replace(
                    entry,
                    body=outcome.body,
                    versions=outcome.versions,
                    decision=outcome.answer,
                )
            )
        except Exception as error:  # noqa: BLE001 - it stands in the answer's place
            return error
        if self.on_saved is not None:
            saved.add_done_callback(partial(_tell, self.on_saved, entry.complaint, outcome))
        return saved

    def _decide(self, entries: Sequence[Entry], laps: Sequence[Lap]) -> list[Outcome | Exception]:
        decided: dict[int, Outcome | Exception] = {}
        if self.canary is not None:
            its = [at for at, e in enumerate(entries) if self.canary.takes(e.complaint)]
            tried = self._outcomes(self.canary.pipeline, its, entries, laps)
            # What it fails on for reasons of its own, the champion answers.
            decided.update((at, o) for at, o in tried if isinstance(o, Outcome | SudaError))
        left = [at for at in range(len(entries)) if at not in decided]
        decided.update(self._outcomes(self.pipeline, left, entries, laps))
        return [decided[at] for at in range(len(entries))]

    def _outcomes(
        self,
        pipeline: Pipeline,
        places: Sequence[int],
        entries: Sequence[Entry],
        laps: Sequence[Lap],
    ) -> Iterator[tuple[int, Outcome | Exception]]:
        """What `pipeline` makes of the entries at some places, by their places."""
        if not places:
            return
        asked = [(entries[at].complaint, entries[at].complaint_id) for at in places]
        made = pipeline.outcomes(asked, [laps[at] for at in places])
        for at, outcome in zip(places, made, strict=True):
            # A SudaError is the text's fault, or says itself what is wrong.
            if isinstance(outcome, Exception) and not isinstance(outcome, SudaError):
                self.on_failed(pipeline.classifier.version)
            yield at, outcome


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
