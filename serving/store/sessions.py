"""Keep the sessions of people signed in: the browser's token only as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from serving.security.roles import User
from serving.store.rows.web import FlowRow, SessionRow, UserRow
from serving.store.users import user_of

# A session that is used is written at most this often.
_TOUCH = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session holds: without use, and at all."""

    idle: timedelta
    total: timedelta


@dataclass(frozen=True, slots=True)
class Visit:
    """Where somebody signs in from, and how (`password`, `oidc`)."""

    address: str
    agent: str
    via: str = "password"


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session with its user. `csrf` is what every changing request must repeat."""

    id: str
    user: User
    csrf: str = field(repr=False)
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    via: str
    address: str
    agent: str


def digest(token: str) -> str:
    """SHA-256 in hex; of 256 random bits there is nothing to guess, so it may be fast."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(
    session: Session, user_id: str, visit: Visit, lifetime: Lifetime, now: datetime
) -> tuple[str, str]:
    """A new session: its token, which is nowhere else, and its id."""
    _sweep(session, lifetime, now)
    token = secrets.token_urlsafe(32)
    row = SessionRow(
        id=digest(token),
        user_id=user_id,
        csrf=secrets.token_urlsafe(32),
        via=visit.via,
        address=visit.address[:64],
        agent=visit.agent[:200],
        created_at=now,
        seen_at=now,
        expires_at=now + lifetime.total,
    )
    session.add(row)
    return token, row.id


def find(
    session: Session, token: str, lifetime: Lifetime, now: datetime, *, touch: bool = True
) -> WebSession | None:
    """The session a token opens, if it still holds; `touch` counts as use."""
    query = (
        select(SessionRow, UserRow)
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(SessionRow.id == digest(token), *_holding(lifetime, now))
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    row, user = found
    if touch and now - row.seen_at > _TOUCH:
        session.execute(update(SessionRow).where(SessionRow.id == row.id).values(seen_at=now))
    return _session(row, user)


def of_user(session: Session, user_id: str, lifetime: Lifetime, now: datetime) -> list[WebSession]:
    """A user's sessions that hold, the last used first."""
    query = (
        select(SessionRow, UserRow)
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(SessionRow.user_id == user_id, *_holding(lifetime, now))
        .order_by(SessionRow.seen_at.desc())
    )
    return [_session(row, user) for row, user in session.execute(query)]


def end(session: Session, session_id: str, user_id: str) -> bool:
    """End one session of a user; whether there was one."""
    query = delete(SessionRow).where(SessionRow.id == session_id, SessionRow.user_id == user_id)
    return bool(session.execute(query).rowcount)  # type: ignore[attr-defined]


def end_all(session: Session, user_id: str, but: str | None = None) -> int:
    """End all sessions of a user, except `but`; how many."""
    query = delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.id != (but or ""))
    return int(session.execute(query).rowcount)  # type: ignore[attr-defined]


def _holding(lifetime: Lifetime, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SessionRow.expires_at > now,
        SessionRow.seen_at > now - lifetime.idle,
        UserRow.disabled_at.is_(None),
    )


def _sweep(session: Session, lifetime: Lifetime, now: datetime) -> None:
    """What no longer holds goes when somebody new comes."""
    session.execute(delete(SessionRow).where(SessionRow.seen_at < now - lifetime.total))
    session.execute(delete(FlowRow).where(FlowRow.expires_at < now))


def _session(row: SessionRow, user: UserRow) -> WebSession:
    return WebSession(
        id=row.id,
        user=user_of(user),
        csrf=row.csrf,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        via=row.via,
        address=row.address,
        agent=row.agent,
    )
