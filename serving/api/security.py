"""Keys at the door, scopes at the routes, headers on every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from sqlalchemy.orm import Session, sessionmaker
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from data.errors import NotReadyError, SudaError
from serving.api import docs
from serving.api.problems import headers_of, of_error, respond
from serving.api.recording import record_decisions, record_model
from serving.api.shield import Shield
from serving.api.state import State
from serving.api.turnstile import Turnstile
from serving.security.binding import check_auth
from serving.security.gate import ANYONE, Caller, Gate, UnauthorizedError, check_scope, token_of
from serving.security.keys import ApiKey, Scope
from serving.settings import Settings
from serving.store import keys
from serving.telemetry.logs import note
from serving.web.paths import is_web

HEALTH = frozenset({"/livez", "/readyz"})
METRICS = "/metrics"
ROOT = "/"

VISITOR = Caller("visitor", frozenset())
"""Who comes to the pages, which have a sign-in of their own: no key, and none of its scopes."""

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "A valid API key is needed"},
    403: {"description": "The key has none of the scopes that this takes"},
}


def public_paths(settings: Settings) -> frozenset[str]:
    """Paths that are answered without a key."""
    return (
        HEALTH
        | (docs.PATHS if settings.docs else frozenset())
        | (frozenset({METRICS}) if settings.metrics_public else frozenset())
        | (frozenset({ROOT}) if settings.web else frozenset())
    )


class Keys:
    """The gate's keys out of the store."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def refresh(self, used: Mapping[str, datetime], now: datetime) -> dict[str, ApiKey]:
        """Write the last uses, read all usable keys."""
        with self._sessions.begin() as session:
            keys.touch(session, used)
            return keys.usable(session, now)


class Doorkeeper:
    """ASGI middleware: no request is read, let alone parsed, before its key is known.

    It answers 401 for every path that is not public, whether there is such a path or not. The
    pages ask for a sign-in instead (serving.web.door).
    """

    def __init__(self, app: ASGIApp, public: frozenset[str], *, web: bool = False) -> None:
        self._app = app
        self._public = public
        self._web = web
        self._reading = asyncio.Lock()

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Set `request.state.caller`, or answer 401."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            caller = await self._caller(scope)
        except SudaError as error:
            await _refusal(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        note(caller=caller.actor)
        await self._app(scope, receive, send)

    async def _caller(self, scope: Connection) -> Caller:
        if self._web and is_web(scope["path"]):
            return VISITOR
        return ANYONE if scope["path"] in self._public else await self._admit(scope)

    async def _admit(self, scope: Connection) -> Caller:
        gate: Gate | None = getattr(scope["app"].state, "gate", None)
        if gate is None:
            raise NotReadyError("the service is starting")
        token = token_of(dict(scope["headers"]))
        key_id = token[5:17] if token else None
        if gate.stale(key_id):
            async with self._reading:
                if gate.stale(key_id):
                    await asyncio.to_thread(gate.refresh)
        return gate.admit(token)


class Requires:
    """A route's dependency: the caller holds one of these scopes.

    With `departments`, who speaks for a department is let in as well; the route sees to it that
    they do so for their own complaints only.
    """

    def __init__(self, *scopes: Scope, departments: bool = False) -> None:
        self.scopes = frozenset(scopes)
        self._departments = departments

    async def __call__(
        self,
        request: Request,
        _bearer: Annotated[Any, Security(HTTPBearer(auto_error=False, scheme_name="bearer"))],
        _header: Annotated[
            Any, Security(APIKeyHeader(name="X-Api-Key", auto_error=False, scheme_name="header"))
        ],
    ) -> Caller:
        """The caller. Raises UnauthorizedError or ForbiddenError."""
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            raise UnauthorizedError("a valid API key is needed")
        if not (self._departments and caller.department is not None):
            check_scope(caller, self.scopes)
        return caller


async def get_gate(request: Request) -> Gate:
    """The running application's gate."""
    gate: Gate | None = getattr(request.app.state, "gate", None)
    if gate is None:
        raise NotReadyError("the service is starting")
    return gate


GateDep = Annotated[Gate, Depends(get_gate)]
IntakeCaller = Annotated[Caller, Depends(Requires("intake"))]
ReviewCaller = Annotated[Caller, Depends(Requires("review"))]
AdminCaller = Annotated[Caller, Depends(Requires("admin"))]
AuditCaller = Annotated[Caller, Depends(Requires("audit"))]


def _refusal(error: SudaError) -> ASGIApp:
    headers = headers_of(error)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="suda"'
    return respond(of_error(error), headers)


def install(app: FastAPI, settings: Settings) -> None:
    """Put the middlewares around the application; the last one added is the outermost.

    Raises InputError where it would be open to other machines without keys.
    """
    check_auth(settings)
    app.add_middleware(Turnstile)
    app.add_middleware(Doorkeeper, public=public_paths(settings), web=settings.web)
    app.add_middleware(Shield, hsts_seconds=settings.hsts_seconds)
    if settings.docs:
        docs.install(app)


@asynccontextmanager
async def guarded(app: FastAPI, settings: Settings, state: State) -> AsyncIterator[None]:
    """Let callers in, and record every decision in the transaction that saves it.

    Enter it last: what is appended to the audit chain must be the last of its transaction.
    """
    store = state.intake.store
    store.attach(record_decisions)
    source = None if settings.auth == "off" else Keys(store.session)
    gate = Gate(source, settings.key_rate)
    await asyncio.to_thread(gate.refresh)
    await asyncio.to_thread(record_model, store.session, state.intake.pipeline)
    app.state.sessions = store.session
    app.state.gate = gate
    try:
        yield
    finally:
        # The last uses of the keys.
        with suppress(NotReadyError):
            await asyncio.to_thread(gate.refresh)
