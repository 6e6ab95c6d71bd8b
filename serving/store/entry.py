"""What is handed to the store, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from data.records import Complaint

# Writes rows of its own in the transaction that saves an entry: audit record, outbox entry.
Attachment: TypeAlias = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A complaint with its decision, ready to be saved.

    `fingerprint` is the hash of what the caller sent, `key` the caller's idempotency key, `body`
    the serialised decision and `decision` the same as an object, for hooks to read. `actor` is who
    sent it, as the audit trail names them. Each of `attachments` is called in the same transaction
    once the entry's rows are written.
    """

    complaint_id: str
    complaint: Complaint
    fingerprint: str
    key: str | None
    body: bytes
    versions: Mapping[str, str]
    decision: Mapping[str, Any] | None = None
    attachments: tuple[Attachment, ...] = ()
    actor: str = "suda"

    @property
    def identity(self) -> tuple[str, str] | None:
        """(source, external_id), unique among complaints; None where the caller gave no id."""
        if self.complaint.external_id is None:
            return None
        return self.complaint.source or "", self.complaint.external_id


# Called once for each transaction with the entries newly written in it, never with replays. Their
# rows may still be on their way: see `pipelining.later`.
GroupHook: TypeAlias = Callable[[Session, Sequence[Entry]], None]


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer that stands: the new one, or the first one where the same was sent before.

    `model` is the version that decided, None where only `body` says.
    """

    body: bytes
    replayed: bool
    model: str | None = field(default=None, compare=False)
