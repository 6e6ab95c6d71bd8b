"""Keep sign-ins that are under way at the bank's own provider: minutes, and used once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from serving.store.rows.web import FlowRow
from serving.store.sessions import digest

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Flow:
    """What must come back with the browser (`state`, `nonce`); `verifier` is for the provider."""

    state: str
    nonce: str
    verifier: str = field(repr=False)
    next: str


def begin(session: Session, wanted: str, now: datetime) -> tuple[str, Flow]:
    """A new flow: the token for the browser's cookie, and what to send along."""
    session.execute(delete(FlowRow).where(FlowRow.expires_at < now))
    token = secrets.token_urlsafe(32)
    flow = Flow(
        secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64), wanted
    )
    session.add(
        FlowRow(
            id=digest(token),
            state=flow.state,
            nonce=flow.nonce,
            verifier=flow.verifier,
            next=flow.next,
            expires_at=now + LIFETIME,
        )
    )
    return token, flow


def take(session: Session, token: str, now: datetime) -> Flow | None:
    """The flow of a cookie, once: a second time there is none."""
    query = (
        delete(FlowRow)
        .where(FlowRow.id == digest(token))
        .returning(FlowRow.state, FlowRow.nonce, FlowRow.verifier, FlowRow.next, FlowRow.expires_at)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(query).one_or_none()
    if row is None or row.expires_at <= now:
        return None
    return Flow(row.state, row.nonce, row.verifier, row.next)
