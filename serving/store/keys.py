"""Keep API keys. Every change leaves an audit record in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from data.errors import ConflictError, InputError, NotFoundError
from serving.security.keys import SCOPES, ApiKey, Minted, Scope, mint
from serving.store import audit
from serving.store.tables import ApiKeyRow

LIFETIME = timedelta(days=365)
"""How long a key holds unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A key to be made, with scopes or for a department. `rate` in texts a minute."""

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    rate: int | None = None
    department: str | None = None


def create(session: Session, wish: Wish, actor: str, now: datetime) -> Minted:
    """Make a key; the token in the answer is nowhere else. Raises InputError."""
    _check(wish, now)
    minted = _insert(session, wish, actor, now, replaces=None)
    details: dict[str, Any] = {
        "name": wish.name,
        "scopes": sorted(wish.scopes),
        "expires_at": _iso(wish),
    }
    if wish.department is not None:
        details["department"] = wish.department
    audit.record(session, actor, "key.created", f"key:{minted.id}", details, now=now)
    return minted


def rotate(session: Session, key_id: str, overlap: timedelta, actor: str, now: datetime) -> Minted:
    """Make a successor with the same rights and lifetime; the old key holds for `overlap` more.

    Raises NotFoundError, and ConflictError where the key is not usable any more.
    """
    old = _row(session, key_id)
    key = _key(old)
    if not key.usable(now):
        raise ConflictError("is revoked or expired; make a new key", field="key")
    lifetime = key.expires_at - key.created_at if key.expires_at else None
    end = now + lifetime if lifetime else None
    wish = Wish(key.name, key.scopes, end, key.rate, key.department)
    minted = _insert(session, wish, actor, now, replaces=key_id)
    over = now + overlap
    old.expires_at = min(key.expires_at, over) if key.expires_at else over
    details = {"successor": minted.id, "old_expires_at": old.expires_at.isoformat()}
    audit.record(session, actor, "key.rotated", f"key:{key_id}", details, now=now)
    return minted


def revoke(session: Session, key_id: str, why: str, actor: str, now: datetime) -> None:
    """End a key at once; a second time changes nothing. Raises NotFoundError."""
    row = _row(session, key_id)
    if row.revoked_at is not None:
        return
    row.revoked_at = now
    audit.record(session, actor, "key.revoked", f"key:{key_id}", {"why": why}, now=now)


def listed(session: Session) -> list[ApiKey]:
    """All keys, oldest first."""
    return [_key(row) for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at))]


def usable(session: Session, now: datetime) -> dict[str, ApiKey]:
    """By id, the keys that are neither revoked nor expired."""
    query = select(ApiKeyRow).where(
        ApiKeyRow.revoked_at.is_(None),
        or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > now),
    )
    return {row.id: _key(row) for row in session.scalars(query)}


def count(session: Session) -> int:
    """How many keys were ever made."""
    return session.scalar(select(func.count()).select_from(ApiKeyRow)) or 0


def touch(session: Session, used: Mapping[str, datetime]) -> None:
    """Note when keys were last used."""
    for key_id, at in used.items():
        session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(last_used_at=at))


def scopes_of(names: Iterable[str]) -> frozenset[Scope]:
    """Scopes by their names. Raises InputError naming those that exist."""
    known: dict[str, Scope] = {scope: scope for scope in SCOPES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"unknown scope {unknown[0][:64]!r}, expected {', '.join(SCOPES)}", field="scopes"
        )
    return frozenset(known[name] for name in names)


def _check(wish: Wish, now: datetime) -> None:
    if wish.department is not None and wish.scopes:
        raise InputError("expected none: the key is a department's", field="scopes")
    if wish.department is not None and not 0 < len(wish.department) <= 48:
        raise InputError("expected the code of a department", field="department")
    if not wish.scopes and wish.department is None:
        raise InputError(f"expected at least one of {', '.join(SCOPES)}", field="scopes")
    if not 0 < len(wish.name) <= 64:
        raise InputError("expected 1 to 64 characters", field="name")
    if wish.expires_at and wish.expires_at <= now:
        raise InputError("expected a time to come", field="expires_at")
    if wish.rate is not None and wish.rate < 1:
        raise InputError("expected at least 1 text a minute", field="rate")


def _insert(
    session: Session, wish: Wish, actor: str, now: datetime, replaces: str | None
) -> Minted:
    minted = mint()
    session.add(
        ApiKeyRow(
            id=minted.id,
            name=wish.name,
            digest=minted.digest,
            scopes=",".join(sorted(wish.scopes)),
            created_at=now,
            created_by=actor,
            expires_at=wish.expires_at,
            rate=wish.rate,
            replaces=replaces,
            department=wish.department,
        )
    )
    return minted


def _row(session: Session, key_id: str) -> ApiKeyRow:
    row = session.get(ApiKeyRow, key_id)
    if row is None:
        raise NotFoundError("no such key", field="key")
    return row


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        digest=row.digest,
        scopes=scopes_of(row.scopes.split(",") if row.scopes else ()),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        rate=row.rate,
        replaces=row.replaces,
        department=row.department,
    )


def _iso(wish: Wish) -> str | None:
    return wish.expires_at.isoformat() if wish.expires_at else None
