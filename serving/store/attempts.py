"""Count failed sign-ins, of each login and each address, and make both wait longer and longer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from serving.store.rows.web import AttemptRow

FORGET = timedelta(hours=24)
"""Failures so long ago count no more."""

LONGEST = timedelta(hours=1)
"""Nobody waits longer."""

_FIRST = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Subject:
    """What failures are counted of, and how many are free."""

    key: str
    free: int


def of_login(login: str) -> Subject:
    """A login, whether there is such a user or not: it must not show."""
    digest = hashlib.sha256(login.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()
    return Subject(f"login:{digest}", 5)


def of_address(address: str) -> Subject:
    """An address; a whole office may share one."""
    return Subject(f"address:{address[:80]}", 30)


def wait_for(failed: int, free: int) -> timedelta:
    """How long to wait after so many failures: 30 s after the free ones, each time twice that."""
    if failed < free:
        return timedelta(0)
    doubled: int = 2 ** min(failed - free, 10)
    return min(_FIRST * doubled, LONGEST)


def locked(session: Session, subjects: tuple[Subject, ...], now: datetime) -> timedelta:
    """How long the longest of their locks still holds; zero where none does."""
    keys = [subject.key for subject in subjects]
    query = select(AttemptRow.locked_until).where(AttemptRow.subject.in_(keys))
    ends = [end for end in session.scalars(query) if end is not None and end > now]
    return max(ends) - now if ends else timedelta(0)


def failed(session: Session, subject: Subject, now: datetime) -> timedelta:
    """Count a failure, before the password is looked at; how long it locks (zero: not yet).

    Counted first and given back after, so that a hundred tries at the same time are a hundred.
    """
    session.execute(delete(AttemptRow).where(AttemptRow.last_at < now - FORGET))
    count = _counted(session, subject, now)
    lock = wait_for(count, subject.free)
    if lock:
        session.execute(
            update(AttemptRow)
            .where(AttemptRow.subject == subject.key)
            .values(locked_until=now + lock)
        )
    return lock


def _counted(session: Session, subject: Subject, now: datetime) -> int:
    more = (
        update(AttemptRow)
        .where(AttemptRow.subject == subject.key)
        .values(failed=AttemptRow.failed + 1, last_at=now)
        .returning(AttemptRow.failed)
        .execution_options(synchronize_session=False)
    )
    found = session.execute(more).scalar_one_or_none()
    if found is not None:
        return int(found)
    try:
        with session.begin_nested():
            session.add(AttemptRow(subject=subject.key, failed=1, last_at=now))
    except IntegrityError:
        # Somebody else counted the first one at the same time.
        return int(session.execute(more).scalar_one())
    return 1


def forgive(session: Session, subject: Subject) -> None:
    """Forget all failures of a login: its user is in, or an administrator says so."""
    session.execute(delete(AttemptRow).where(AttemptRow.subject == subject.key))


def give_back(session: Session, subject: Subject) -> None:
    """Take one failure back: it was none.

    Of an address only its own: who has one password must not clear the way for guessing others.
    """
    session.execute(
        update(AttemptRow)
        .where(AttemptRow.subject == subject.key, AttemptRow.failed > 0)
        .values(failed=AttemptRow.failed - 1)
        .execution_options(synchronize_session=False)
    )
    free = AttemptRow.failed < subject.free
    session.execute(
        update(AttemptRow).where(AttemptRow.subject == subject.key, free).values(locked_until=None)
    )
