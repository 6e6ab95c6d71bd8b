"""Keep the people who may sign in. Every change leaves an audit record in its transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session
from ulid import ULID

from data.errors import ConflictError, InputError, NotFoundError
from serving.security.roles import ROLES, Role, User
from serving.store import audit
from serving.store.rows.web import SessionRow, UserRow

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")


@dataclass(frozen=True, slots=True)
class Person:
    """What is entered of somebody. `branch` and `department` are codes, empty for all."""

    login: str
    name: str
    role: Role
    branch: str | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A user as administrators see them."""

    user: User
    disabled_at: datetime | None
    last_login_at: datetime | None
    created_at: datetime
    created_by: str
    password_at: datetime | None
    external: bool


def role_of(name: str) -> Role:
    """A role by its name. Raises InputError naming those that exist."""
    for role in ROLES:
        if role == name:
            return role
    raise InputError(f"unknown role {name[:32]!r}, expected {', '.join(ROLES)}", field="role")


def add(
    session: Session,
    person: Person,
    password_hash: str | None,
    actor: str,
    now: datetime,
    *,
    external: str | None = None,
) -> User:
    """Add somebody; a password set for them must be changed at the first sign-in.

    Raises InputError for a login or name out of form, ConflictError for a login taken.
    """
    _check(person)
    if by_login(session, person.login) is not None:
        raise ConflictError("is taken", field="login")
    row = UserRow(
        id=str(ULID()),
        login=person.login,
        name=person.name,
        role=person.role,
        branch=person.branch or None,
        department=person.department or None,
        password_hash=password_hash,
        password_at=now if password_hash else None,
        must_change=password_hash is not None,
        external=external,
        created_at=now,
        created_by=actor,
    )
    session.add(row)
    _record(session, row, "user.added", actor, now, {"role": person.role, "login": person.login})
    return user_of(row)


def change(
    session: Session,
    user_id: str,
    person: Person,
    actor: str,
    now: datetime,
    *,
    keep_admin: bool = True,
) -> User:
    """Change name, role, branch and department; the login stays. A new role ends their sessions.

    Raises NotFoundError, InputError, and with `keep_admin` ConflictError where no administrator
    would be left.
    """
    row = row_of(session, user_id)
    _check(person)
    before = user_of(row)
    row.name, row.role = person.name, person.role
    row.branch, row.department = person.branch or None, person.department or None
    after = user_of(row)
    if replace(before, name=after.name) != after:
        _end_sessions(session, row)
    details = {"role": [before.role, after.role], "name_changed": before.name != after.name}
    _record(session, row, "user.changed", actor, now, details)
    if keep_admin:
        _keep_an_admin(session)
    return after


def disable(session: Session, user_id: str, actor: str, now: datetime) -> None:
    """Let somebody in no more, at once. Raises NotFoundError, ConflictError for the last admin."""
    row = row_of(session, user_id)
    if row.disabled_at is not None:
        return
    row.disabled_at = now
    _end_sessions(session, row)
    _record(session, row, "user.disabled", actor, now)
    _keep_an_admin(session)


def enable(session: Session, user_id: str, actor: str, now: datetime) -> None:
    """Let somebody in again. Raises NotFoundError."""
    row = row_of(session, user_id)
    if row.disabled_at is not None:
        row.disabled_at = None
        _record(session, row, "user.enabled", actor, now)


def set_password(
    session: Session,
    user_id: str,
    password_hash: str,
    actor: str,
    now: datetime,
    *,
    must_change: bool,
) -> None:
    """Set a password and end all sessions. Raises NotFoundError."""
    row = row_of(session, user_id)
    row.password_hash, row.password_at, row.must_change = password_hash, now, must_change
    _end_sessions(session, row)
    action = "user.password_reset" if must_change else "user.password_changed"
    _record(session, row, action, actor, now)


def by_login(session: Session, login: str) -> UserRow | None:
    """The row of a login, however it is written."""
    query = select(UserRow).where(UserRow.login == login.strip().lower())
    return session.scalars(query).one_or_none()


def by_external(session: Session, external: str) -> UserRow | None:
    """The row of somebody known at the bank's own sign-in."""
    return session.scalars(select(UserRow).where(UserRow.external == external)).one_or_none()


def row_of(session: Session, user_id: str) -> UserRow:
    """The row of an id. Raises NotFoundError."""
    row = session.get(UserRow, user_id)
    if row is None:
        raise NotFoundError("no such user", field="user")
    return row


def account(session: Session, user_id: str) -> Account:
    """One user. Raises NotFoundError."""
    return _account(row_of(session, user_id))


def listed(session: Session, words: str = "") -> list[Account]:
    """All users whose login or name holds `words`, by login."""
    query = select(UserRow).order_by(UserRow.login)
    if words:
        part = f"%{words.lower().replace('%', '').replace('_', '')}%"
        query = query.where(or_(UserRow.login.like(part), func.lower(UserRow.name).like(part)))
    return [_account(row) for row in session.scalars(query)]


def count(session: Session) -> int:
    """How many users there are."""
    return session.scalar(select(func.count()).select_from(UserRow)) or 0


def user_of(row: UserRow) -> User:
    """The user a row describes."""
    return User(
        id=row.id,
        login=row.login,
        name=row.name,
        role=role_of(row.role),
        branch=row.branch,
        department=row.department,
        must_change=row.must_change,
    )


def _account(row: UserRow) -> Account:
    return Account(
        user_of(row),
        row.disabled_at,
        row.last_login_at,
        row.created_at,
        row.created_by,
        row.password_at,
        row.external is not None,
    )


def _check(person: Person) -> None:
    if not _LOGIN.fullmatch(person.login):
        raise InputError(
            "expected 2 to 64 small letters, digits, dots, hyphens or @, beginning with a letter "
            "or digit",
            field="login",
        )
    if not 0 < len(person.name.strip()) <= 64:
        raise InputError("expected 1 to 64 characters", field="name")
    for name in ("branch", "department"):
        if len(getattr(person, name) or "") > 64:
            raise InputError("expected at most 64 characters", field=name)


def _keep_an_admin(session: Session) -> None:
    """Nobody locks everybody out of the administration.

    Asked behind the audit record, for which writers queue: two administrators who disable each
    other at the same time come one after the other.
    """
    left = select(func.count()).where(UserRow.role == "admin", UserRow.disabled_at.is_(None))
    if not session.scalar(left):
        raise ConflictError("is the last administrator", field="user")


def _end_sessions(session: Session, row: UserRow) -> None:
    session.execute(delete(SessionRow).where(SessionRow.user_id == row.id))


def _record(
    session: Session,
    row: UserRow,
    action: str,
    actor: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    audit.record(session, actor, action, f"user:{row.login}", details, now=now)
