"""What pages about signing in share: where a request comes from, how long sessions hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request

from data.errors import NotReadyError
from serving.settings import Settings
from serving.store.sessions import Lifetime, Visit
from serving.web.entrance import Entrance


def now() -> datetime:
    """The clock of the pages."""
    return datetime.now(UTC)


def lifetime_of(settings: Settings) -> Lifetime:
    """How long sessions hold."""
    return Lifetime(
        timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours)
    )


def visit_of(request: Request, via: str = "password") -> Visit:
    """Where the request comes from; behind a proxy (SUDA_TRUSTED_PROXIES) what that says."""
    address = request.client.host if request.client else "unknown"
    return Visit(address, request.headers.get("user-agent", "")[:200], via)


async def get_entrance(request: Request) -> Entrance:
    """The application's entrance. Raises NotReadyError before start-up is complete."""
    state = request.app.state
    if getattr(state, "sessions", None) is None:
        raise NotReadyError("the service is starting")
    if getattr(state, "entrance", None) is None:
        state.entrance = Entrance(state.sessions, get_lifetime(request), now)
    found: Entrance = state.entrance
    return found


def get_lifetime(request: Request) -> Lifetime:
    """How long the application's sessions hold."""
    found: Lifetime = request.app.state.web_lifetime
    return found


EntranceDep = Annotated[Entrance, Depends(get_entrance)]
LifetimeDep = Annotated[Lifetime, Depends(get_lifetime)]
