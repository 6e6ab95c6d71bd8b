"""Let people in by login and password; who does not exist takes as long, each failure longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from data.errors import OverloadedError
from serving.api.admin_keys import in_session
from serving.security.passwords import hashed, outdated, verified
from serving.security.roles import User
from serving.store import attempts, audit, sessions, users
from serving.store.rows.web import UserRow
from serving.store.sessions import Lifetime, Visit

Clock = Callable[[], datetime]

# Each verification takes 64 MiB and a processor for a moment.
_AT_ONCE = 2


class LockedError(OverloadedError):
    """Too many failures of this login or from this address. HTTP 429."""

    code = "sign_in_locked"


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody let in: `token` is for their cookie only."""

    token: str
    user: User


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a login before its password is looked at."""

    user_id: str | None
    actor: str
    kept: str | None
    locks: timedelta


class Entrance:
    """The one place where passwords are judged."""

    def __init__(self, makers: sessionmaker[Session], lifetime: Lifetime, clock: Clock) -> None:
        self._makers = makers
        self._lifetime = lifetime
        self._clock = clock
        self._verifying = asyncio.Semaphore(_AT_ONCE)

    async def enter(self, login: str, password: str, visit: Visit) -> Admission | None:
        """Let in, or None without saying why. Raises LockedError while one has to wait."""
        known = await in_session(self._makers, lambda s: self._counted(s, login, visit))
        if not await self._right(known.kept, password):
            await in_session(self._makers, lambda s: self._refuse(s, known, visit))
            return None
        fresh = hashed(password) if outdated(known.kept or "") else None
        return await in_session(self._makers, lambda s: self._admit(s, login, known, visit, fresh))

    async def is_right(self, user: User, password: str, visit: Visit) -> bool:
        """Whether it is the password of somebody already in. Counts like a sign-in."""
        known = await in_session(self._makers, lambda s: self._counted(s, user.login, visit))
        if not await self._right(known.kept, password):
            await in_session(self._makers, lambda s: self._refuse(s, known, visit))
            return False
        await in_session(self._makers, lambda s: self._forgive(s, user.login, visit))
        return True

    async def _right(self, kept: str | None, password: str) -> bool:
        async with self._verifying:
            return await asyncio.to_thread(verified, kept, password)

    def _counted(self, session: Session, login: str, visit: Visit) -> _Known:
        now = self._clock()
        by = attempts.of_login(login), attempts.of_address(visit.address)
        wait = attempts.locked(session, by, now)
        if wait:
            raise LockedError("too many failures", retry_after=wait.total_seconds())
        locks = max(attempts.failed(session, subject, now) for subject in by)
        row = users.by_login(session, login)
        if row is None:
            # What was typed is not kept: it may be somebody's password.
            return _Known(None, "visitor", None, locks)
        usable = row.password_hash if row.disabled_at is None else None
        return _Known(row.id, f"user:{row.login}", usable, locks)

    def _refuse(self, session: Session, known: _Known, visit: Visit) -> None:
        subject = known.actor if known.user_id else f"address:{visit.address}"
        action = "signin.locked" if known.locks else "signin.failed"
        details = {"address": visit.address, "seconds": int(known.locks.total_seconds())}
        audit.record(session, known.actor, action, subject, details, now=self._clock())

    def _forgive(self, session: Session, login: str, visit: Visit) -> None:
        attempts.forgive(session, attempts.of_login(login))
        attempts.give_back(session, attempts.of_address(visit.address))

    def _admit(
        self, session: Session, login: str, known: _Known, visit: Visit, fresh: str | None
    ) -> Admission | None:
        row = users.row_of(session, known.user_id or "")
        if row.disabled_at is not None or row.password_hash != known.kept:
            # Disabled or reset while the password was looked at.
            return None
        if fresh:
            row.password_hash = fresh
        self._forgive(session, login, visit)
        return admitted(session, row, visit, self._lifetime, self._clock())


def admitted(
    session: Session, row: UserRow, visit: Visit, lifetime: Lifetime, now: datetime
) -> Admission:
    """A new session for somebody who proved who they are, and its audit record."""
    row.last_login_at = now
    token, _ = sessions.start(session, row.id, visit, lifetime, now)
    user = users.user_of(row)
    details = {"address": visit.address, "via": visit.via}
    audit.record(session, user.actor, "signin.succeeded", user.actor, details, now=now)
    return Admission(token, user)
