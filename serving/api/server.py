"""The HTTP server: uvicorn, one process, which drains before it stops."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from serving.api.state import State
from serving.security.http import guarded_http
from serving.settings import Settings


class Server(uvicorn.Server):
    """On SIGTERM it first says 503 at `/readyz`, and goes on answering for `drain` seconds.

    A load balancer needs that time to send its calls elsewhere: a listener that closes at once
    refuses the calls under way. SIGINT, or a second signal, stops without the delay.
    """

    def __init__(
        self, config: uvicorn.Config, *, drain: float, on_drain: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._drain = drain
        self._on_drain = on_drain
        self._stop_at: float | None = None

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
    config = uvicorn.Config(
        app,
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
    return Server(config, drain=settings.drain_seconds, on_drain=lambda: drain(app))


def drain(app: FastAPI) -> None:
    """From now on `/readyz` says 503; everything else goes on."""
    state: State | None = getattr(app.state, "suda", None)
    if state is not None:
        state.draining = True
