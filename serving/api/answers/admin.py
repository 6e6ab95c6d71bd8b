"""Keys, the audit trail, the outbox, departments, health."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from serving.api.answers.base import Answer, Whole, maybe
from serving.security.keys import Scope


class KeyMade(Answer):
    """A new key."""

    id: str
    key: str = Field(description="The key itself, shown this once; stored as a hash only.")


class KeyAnswer(Answer):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[Scope] = Field(description="None for a department's.")
    department: str | None = Field(description="Code of the one it speaks for.")
    created_by: str
    rate: int | None = Field(description="Texts a minute; null: the service's default.")
    replaces: str | None = Field(description="Id of the key that it follows.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To within seconds.")


class KeysAnswer(Answer):
    """All keys there ever were."""

    items: list[KeyAnswer]


class AuditEntry(Answer):
    """One thing that was done. Never holds a complaint's words."""

    seq: int = Field(ge=1, description="Running number without gaps.")
    at: datetime
    actor: str = Field(description="`key:<id>`, `user:<id>`, `cli:<account>` or `suda`.")
    action: str = Field(description="Like `key.created`.")
    subject: str = Field(description="Like `complaint:<id>`.")
    details: str = Field(description="Canonical JSON, exactly as it is hashed.")
    previous: str = Field(description="Hash of the entry before.")
    hash: str = Field(description="SHA-256, hexadecimal.")


class AuditPage(Answer):
    """Entries in their order."""

    items: list[AuditEntry]
    next: int | None = Field(description="`after` of the following page; null at the end.")


class AuditHead(Answer):
    """The end of the chain: kept elsewhere, it shows one cut or written anew."""

    seq: Whole
    hash: str


class MessageAnswer(Answer):
    """A work order; what it says is made when it is sent and not kept."""

    id: str
    complaint_id: str
    decision_id: str
    department: str
    kind: Literal["order", "withdrawal", "escalation"]
    part: Literal["lead", "assisting", "investigator", "copy", "escalation"]
    state: Literal["pending", "delivered", "dead"]
    attempts: Whole
    status: int | None = Field(description="HTTP status of the last attempt.")
    error: str | None = Field(description="What went wrong with it.")
    created_at: datetime
    next_at: datetime | None = Field(description="When it is tried next, while it is pending.")
    done_at: datetime | None


class MessagesPage(Answer):
    """Work orders, the latest first."""

    items: list[MessageAnswer]
    next: str | None = Field(description="`before` of the following page; null at the end.")


class Replayed(Answer):
    """Dead letters that are sent once more."""

    replayed: Whole


class DepartmentAnswer(Answer):
    """How a department is told, and what waits for it."""

    code: str
    name: str
    webhook: str | None
    webhook_from: Literal["settings", "policy"] | None
    enabled: bool
    concurrency: int = Field(ge=1, description="Messages on their way at once.")
    has_secret: bool
    previous_secret_until: datetime | None = Field(description="Until then both secrets sign.")
    updated_at: datetime | None
    updated_by: str | None
    pending: Whole
    oldest: datetime | None = Field(description="Since when the oldest of them waits.")
    dead: Whole


class DepartmentChanged(DepartmentAnswer):
    """A department after the change."""

    secret: str = maybe("A secret that was made here, shown this once.")


class Alive(Answer):
    """The process answers."""

    status: Literal["alive"]


class Ready(Answer):
    """Complaints can be taken in."""

    status: Literal["ready"]
    model: str = Field(description="Version of the model that serves.")
