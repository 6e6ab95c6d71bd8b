"""Who comes to /ui: their session looked up once, and failures answered as pages."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from fastapi import Request
from sqlalchemy.orm import Session, sessionmaker
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from data.errors import NotReadyError
from serving.api.admin_keys import in_session
from serving.settings import Settings
from serving.store import sessions
from serving.store.sessions import WebSession
from serving.telemetry.logs import note, trail
from serving.web import cookies, errors
from serving.web.paths import is_web
from serving.web.people import Directory
from serving.web.visits import lifetime_of

_LOG = logging.getLogger("suda.web")
BACKGROUND = "x-suda-background"
"""A header of requests that nobody made by hand (polls, heartbeats): they keep no session alive."""


class WebDoor:
    """ASGI middleware: for the pages, find out who comes, and answer failures as pages."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._lifetime = lifetime_of(settings)
        self._directory = Directory()

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Set `request.state.web_session` and `web_people`, and pass the request on."""
        if scope["type"] != "http" or not is_web(_path(scope)):
            await self._app(scope, receive, send)
            return
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        request = Request(scope, receive)
        try:
            await self._recognise(request)
            await self._app(scope, receive, noted)
        except Exception as error:
            if started:
                raise
            # Its words stay here: they may quote a customer.
            _LOG.error("page failed: %s", trail(error))
            await errors.answer(request, error)(scope, receive, send)

    async def _recognise(self, request: Request) -> None:
        token = cookies.session_token(request)
        if token is None or _path(request.scope).startswith("/ui/static/"):
            return
        makers: sessionmaker[Session] | None = getattr(request.app.state, "sessions", None)
        if makers is None:
            raise NotReadyError("the service is starting")
        found = await in_session(makers, lambda s: self._find(s, request, token))
        request.state.web_session = found
        if found:
            note(caller=found.user.actor)

    def _find(self, session: Session, request: Request, token: str) -> WebSession | None:
        touch, now = BACKGROUND not in request.headers, datetime.now(UTC)
        found = sessions.find(session, token, self._lifetime, now, touch=touch)
        if found:
            request.state.web_people = self._directory.people(session, now)
        return found


def _path(scope: Connection) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))
