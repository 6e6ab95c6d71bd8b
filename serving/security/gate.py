"""Let callers in: which key stands behind a request, and what it may do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from data.errors import NotReadyError, SudaError
from serving.security.bucket import Buckets
from serving.security.keys import SCOPES, ApiKey, Scope, authenticate

FRESH_SECONDS = 5.0
"""A key revoked by another process is refused after this long at the latest."""

STALE_SECONDS = 60.0
"""How long keys read before are trusted while the database does not answer."""

_AGAIN_SECONDS = 0.2


class UnauthorizedError(SudaError):
    """No usable key. HTTP 401. Never says which part was wrong."""

    code = "unauthorized"
    status = 401


class ForbiddenError(SudaError):
    """The key is good, and not for this. HTTP 403."""

    code = "forbidden"
    status = 403


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `actor` is how the audit trail names them, `department` whom they speak for."""

    actor: str
    scopes: frozenset[Scope]
    key_id: str | None = None
    rate: int | None = None
    department: str | None = None


ANYONE = Caller("anonymous", frozenset(SCOPES))
"""The caller where keys are switched off."""


class KeySource(Protocol):
    """Where keys come from. Blocking; raises whatever the database raises."""

    def refresh(self, used: Mapping[str, datetime], now: datetime) -> dict[str, ApiKey]:
        """Note the last uses, and give all usable keys by id."""


@dataclass
class Gate:
    """The keys in memory, read anew every few seconds, and how much each has sent.

    Used on the event loop, except for `refresh`, which blocks and belongs on a thread.
    """

    source: KeySource | None
    default_rate: int | None = None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _keys: dict[str, ApiKey] = field(default_factory=dict)
    _used: dict[str, datetime] = field(default_factory=dict)
    _read_at: float | None = None
    _buckets: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self._buckets = Buckets(self.clock)

    def stale(self, key_id: str | None) -> bool:
        """Whether the keys must be read anew before this id is judged.

        An id that is not known may have been made a moment ago by another process; asking for it
        is bounded, so that invented ids do not reach the database one by one.
        """
        if self.source is None:
            return False
        age = self._age()
        return age > FRESH_SECONDS or (key_id not in self._keys and age > _AGAIN_SECONDS)

    def refresh(self) -> None:
        """Read the keys. Raises NotReadyError where that fails and what is known is too old."""
        if self.source is None:
            return
        used, self._used = self._used, {}
        try:
            self._keys = self.source.refresh(used, self.now())
        except SQLAlchemyError as error:
            self._used = used | self._used
            if self._age() > STALE_SECONDS:
                raise NotReadyError("keys cannot be checked, the database is away") from error
            return
        self._read_at = self.clock()

    def admit(self, token: str | None) -> Caller:
        """The caller behind a token. Raises UnauthorizedError."""
        if self.source is None:
            return ANYONE
        now = self.now()
        key = authenticate(token or "", self._keys.get, now)
        if key is None:
            raise UnauthorizedError("a valid API key is needed")
        self._used[key.id] = now
        rate = key.rate or self.default_rate
        return Caller(f"key:{key.id}", key.scopes, key.id, rate, key.department)

    def charge(self, caller: Caller, texts: int) -> None:
        """Count texts against the caller's rate. Raises RateLimitError."""
        if caller.key_id is not None:
            self._buckets.charge(caller.key_id, caller.rate, texts)

    def _age(self) -> float:
        return float("inf") if self._read_at is None else self.clock() - self._read_at


def check_scope(caller: Caller, allowed: frozenset[Scope]) -> None:
    """Raise ForbiddenError unless the caller holds one of the scopes."""
    if not caller.scopes & allowed:
        raise ForbiddenError("this key is not for this")


def token_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The token in `Authorization: Bearer` or `X-Api-Key`, without judging it."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and token:
        return token.strip().decode("latin-1")
    given = headers.get(b"x-api-key")
    return given.strip().decode("latin-1") if given else None
