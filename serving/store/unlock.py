"""Take back the lock that failed sign-ins put on somebody's login."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from serving.store import attempts, audit, users


def unlock(session: Session, user_id: str, actor: str, now: datetime) -> None:
    """Forget a user's failed sign-ins, and record it. Raises NotFoundError."""
    row = users.row_of(session, user_id)
    attempts.forgive(session, attempts.of_login(row.login))
    audit.record(session, actor, "user.unlocked", f"user:{row.login}", now=now)
