"""API keys: `suda_<id>_<secret>`, shown once and stored as a hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Scope = Literal["intake", "review", "admin", "audit"]
"""`intake` takes complaints in, `review` reads and corrects them, `admin` rules keys and models,
`audit` reads the audit trail and the figures. None includes another."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

_TOKEN = re.compile(r"suda_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
# What an unknown id is compared with, so that it takes as long as a known one.
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key. `rate` is in texts a minute; None takes the service's default.

    A key with a `department` has no scopes: it tells what that department did with the complaints
    it handles, and reads how they stand.
    """

    id: str
    name: str
    digest: str = field(repr=False)
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    rate: int | None = None
    replaces: str | None = None
    department: str | None = None

    def usable(self, now: datetime) -> bool:
        """Neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key: `token` is for its owner only, `digest` is for the store."""

    id: str
    token: str = field(repr=False)
    digest: str = field(repr=False)


def mint(entropy: Callable[[int], str] = secrets.token_urlsafe) -> Minted:
    """A new key of 256 random bits."""
    key_id, secret = secrets.token_hex(6), entropy(32)
    return Minted(key_id, f"suda_{key_id}_{secret}", digest(secret))


def digest(secret: str) -> str:
    """SHA-256 of a secret, in hex.

    Slow hashes with salt (argon2, bcrypt) guard secrets that people choose, which can be guessed.
    Of 256 random bits there is nothing to guess: a fast hash is as safe and costs no request 50 ms.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def split(token: str) -> tuple[str, str] | None:
    """Id and secret of a token; None if it has not the form of one."""
    found = _TOKEN.fullmatch(token)
    return (found[1], found[2]) if found else None


def authenticate(token: str, find: Callable[[str], ApiKey | None], now: datetime) -> ApiKey | None:
    """The usable key that `token` opens; None, without saying why, for any other.

    The secret is compared in constant time, with a key that does not exist as with one that does.
    """
    parts = split(token)
    if parts is None:
        return None
    key = find(parts[0])
    same = hmac.compare_digest(digest(parts[1]), key.digest if key else _NO_DIGEST)
    return key if key and same and key.usable(now) else None
