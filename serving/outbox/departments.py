"""How departments are told: the policy's webhooks, and what administrators set over them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from data.errors import InputError, NotFoundError
from serving.outbox.address import check_url
from serving.outbox.sender import Destination
from serving.outbox.signing import new_secret
from serving.store import audit
from serving.store.rows.outbox import DepartmentRow
from serving.triage.policy import Policy

CONCURRENCY = 4
"""Messages on their way to one department at once, unless it is set otherwise."""

OVERLAP = timedelta(days=7)
"""How long the secret before still signs, unless it is said otherwise."""

_SHORTEST = 24


@dataclass(frozen=True, slots=True)
class Change:
    """What an administrator changes; None leaves it. An empty `webhook` takes the policy's again.

    `secret` is the new one, `new_secret` asks for a random one; the one before goes on signing for
    `overlap`.
    """

    webhook: str | None = None
    secret: str | None = None
    new_secret: bool = False
    overlap: timedelta = OVERLAP
    enabled: bool | None = None
    concurrency: int | None = None


def destinations(session: Session, policy: Policy, now: datetime) -> dict[str, Destination]:
    """Every department that has a webhook."""
    rows = {row.id: row for row in session.scalars(select(DepartmentRow))}
    stated = {d.code: d.webhook for d in policy.pack.departments.departments}
    found = {}
    for code in {*stated, *rows}:
        row = rows.get(code)
        url = (row.webhook if row else None) or stated.get(code)
        if url:
            found[code] = _destination(code, url, row, now)
    return found


def shown(session: Session, policy: Policy, code: str, now: datetime) -> dict[str, Any]:
    """A department's settings, without its secret. Raises NotFoundError."""
    stated = _stated(policy, code)
    row = session.get(DepartmentRow, code)
    if stated is None and row is None:
        raise NotFoundError("no such department", field="code")
    set_here = row.webhook if row else None
    url = set_here or (stated.webhook if stated else None)
    return {
        "code": code,
        "name": stated.name if stated else code,
        "webhook": url,
        "webhook_from": None if url is None else "settings" if set_here else "policy",
        "enabled": row.enabled if row else True,
        "concurrency": row.concurrency if row else CONCURRENCY,
        "has_secret": bool(row and row.secret),
        "previous_secret_until": _iso(row.previous_until if row else None, now),
        "updated_at": row.updated_at.isoformat() if row else None,
        "updated_by": row.updated_by if row else None,
    }


def change(
    session: Session,
    policy: Policy,
    code: str,
    wanted: Change,
    actor: str,
    now: datetime,
    *,
    private: bool = True,
) -> str | None:
    """Set how a department is told, and record it; a secret made here, to be shown this once.

    A department that gets a webhook and has no secret gets one made. Raises NotFoundError for a
    department that the policy does not know, InputError.
    """
    if _stated(policy, code) is None:
        raise NotFoundError("no such department in the policy", field="code")
    row = session.get(DepartmentRow, code, with_for_update=True)
    if row is None:
        row = DepartmentRow(id=code, enabled=True, concurrency=CONCURRENCY)
        session.add(row)
    if wanted.webhook is not None:
        row.webhook = check_url(wanted.webhook, private=private) if wanted.webhook else None
    made = _new_secret(row, wanted, now)
    if wanted.enabled is not None:
        row.enabled = wanted.enabled
    if wanted.concurrency is not None:
        row.concurrency = wanted.concurrency
    row.updated_at, row.updated_by = now, actor
    changed = {
        "webhook": wanted.webhook is not None,
        "secret": made is not None or wanted.secret is not None,
        "enabled": wanted.enabled,
        "concurrency": wanted.concurrency,
    }
    audit.record(session, actor, "department.changed", f"department:{code}", changed, now=now)
    return made


class Directory:
    """Which departments have a webhook, kept in memory: asked with each complaint."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        policy: Callable[[datetime], Policy],
        clock: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._policy = policy
        self._clock = clock
        self._told: frozenset[str] = frozenset()

    @property
    def told(self) -> Collection[str]:
        """Codes of the departments that are written to."""
        return self._told

    def refresh(self) -> None:
        """Read anew. Blocking; raises what the database raises."""
        now = self._clock()
        with self._sessions() as session:
            self._told = frozenset(destinations(session, self._policy(now), now))


def _destination(code: str, url: str, row: DepartmentRow | None, now: datetime) -> Destination:
    if row is None:
        return Destination(code, url, ())
    secrets = [row.secret] if row.secret else []
    if row.previous_secret and row.previous_until and row.previous_until > now:
        secrets.append(row.previous_secret)
    return Destination(code, url, tuple(secrets), row.enabled, row.concurrency)


def _new_secret(row: DepartmentRow, wanted: Change, now: datetime) -> str | None:
    """Put a new secret in the place of the old one; returns it where it was made here."""
    if wanted.secret is not None and len(wanted.secret) < _SHORTEST:
        raise InputError(f"expected at least {_SHORTEST} characters", field="secret")
    first = wanted.webhook and row.secret is None and wanted.secret is None
    made = new_secret() if wanted.new_secret or first else None
    secret = made or wanted.secret
    if secret is None:
        return None
    if row.secret is not None and wanted.overlap > timedelta(0):
        row.previous_secret, row.previous_until = row.secret, now + wanted.overlap
    else:
        row.previous_secret = row.previous_until = None
    row.secret = secret
    return made


def _stated(policy: Policy, code: str) -> Any:
    return policy.router.departments.get(code)


def _iso(until: datetime | None, now: datetime) -> str | None:
    return until.isoformat() if until is not None and until > now else None
