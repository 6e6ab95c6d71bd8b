"""Somebody at the workbench, in the same process: each request with its server time and size."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from serving.store import sessions, users
from serving.store.sessions import Visit


@dataclass(frozen=True, slots=True)
class Visited:
    """A request: seconds from its arrival to its last byte, of the process's processor meanwhile
    (other threads' too), bytes of its body as sent.
    """

    seconds: float
    processor: float
    size: int
    answer: Any


class NotThereError(Exception):
    """There is no such page (yet)."""


class Timed:
    """ASGI around the application: what the last request took and how much it sent."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.seconds, self.processor, self.size = 0.0, 0.0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on and measure."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size = 0

        async def counted(message: Message) -> None:
            nonlocal size
            size += len(message.get("body", b""))
            await send(message)

        begun, worked = time.perf_counter(), time.process_time()
        await self._app(scope, receive, counted)
        self.seconds, self.processor = time.perf_counter() - begun, time.process_time() - worked
        self.size = size


class Workbench:
    """A browser's requests, signed in as an administrator. Use it as a context manager."""

    def __init__(self, app: FastAPI) -> None:
        self._app, self._timed = app, Timed(app)
        self._client = TestClient(self._timed, follow_redirects=False)

    def __enter__(self) -> Workbench:
        """Start the application and sign in."""
        self._client.__enter__()
        now = datetime.now(UTC)
        with self._app.state.sessions.begin() as session:
            person = users.Person(f"bench{now.timestamp():.0f}", "测速", "admin")
            user = users.add(session, person, None, "bench", now)
            visit = Visit("bench", "bench")
            token, _ = sessions.start(session, user.id, visit, self._app.state.web_lifetime, now)
            found = sessions.find(session, token, self._app.state.web_lifetime, now)
        self.user_id = user.id
        self._client.cookies.set("suda_session", token)
        self._client.headers["x-csrf-token"] = found.csrf if found else ""
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop the application."""
        self._client.__exit__(*error)

    def get(self, path: str) -> Visited:
        """A page. Raises RuntimeError for what is no page and no way to one."""
        return self._visited(path, self._client.get(path))

    def post(self, path: str, body: Any) -> Visited:
        """An action of a page's script."""
        return self._visited(path, self._client.post(path, json=body))

    def _visited(self, path: str, answer: Any) -> Visited:
        if answer.status_code == 404 and "not-there" not in path:
            raise NotThereError(path)
        if answer.status_code not in (200, 204, 303, 404):
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[-300:]}")
        return Visited(self._timed.seconds, self._timed.processor, self._timed.size, answer)
