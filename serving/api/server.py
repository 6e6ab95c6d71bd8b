"""The HTTP server: uvicorn, one process, which drains before it stops."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.errors import SudaError
from serving.api.state import State
from serving.security.http import guarded_http
from serving.settings import Settings
from serving.telemetry.logs import trail

log = logging.getLogger("suda")


class Opening:
    """Around the application: keeps the error that it could not be opened for.

    uvicorn would log its whole traceback, which may quote a secret and says nothing to a person.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.failure: SudaError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, but for the words of a failed start or stop."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def unquoted(message: Message) -> None:
            await send({k: v for k, v in message.items() if k != "message"})

        try:
            await self._app(scope, receive, unquoted)
        except SudaError as error:
            self.failure = error
            raise
        except Exception as error:
            log.error("the application did not open or close: %s", trail(error))
            raise


class Server(uvicorn.Server):
    """On SIGTERM it first says 503 at `/readyz`, and goes on answering for `drain` seconds.

    A load balancer needs that time to send its calls elsewhere: a listener that closes at once
    refuses the calls under way. SIGINT, or a second signal, stops without the delay.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        drain: float,
        on_drain: Callable[[], None],
        opening: Opening,
    ) -> None:
        super().__init__(config)
        self._opening = opening
        self._drain = drain
        self._on_drain = on_drain
        self._stop_at: float | None = None

    def run(self, *args: Any, **more: Any) -> None:
        """Serve until told to stop. Raises what kept the application from opening, if it is ours:
        a person can do something about it.
        """
        try:
            super().run(*args, **more)
        except SystemExit:
            if self._opening.failure is not None:
                raise self._opening.failure from None
            raise

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop."""
        self._on_drain()
        if sig == signal.SIGTERM and self.started and self._drain and self._stop_at is None:
            self._captured_signals.append(sig)
            self._stop_at = time.monotonic() + self._drain
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; true ends the server."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)


def server(app: FastAPI, settings: Settings, **more: Any) -> Server:
    """A server for `app`, set up as the settings say; `more` goes to uvicorn's configuration."""
    opening = Opening(app)
    config = uvicorn.Config(
        opening,
        host=settings.host,
        port=settings.port,
        http=guarded_http(settings.max_head_bytes, settings.head_timeout),
        # Ours are set up by `serving.telemetry.logs`; requests are logged there too.
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        **more,
    )
    return Server(
        config, drain=settings.drain_seconds, on_drain=lambda: drain(app), opening=opening
    )


def drain(app: FastAPI) -> None:
    """From now on `/readyz` says 503; everything else goes on."""
    state: State | None = getattr(app.state, "suda", None)
    if state is not None:
        state.draining = True
