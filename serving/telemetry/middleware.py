"""Around every request: an id, a log line, figures."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from ulid import ULID

from serving.telemetry import logs
from serving.telemetry.metrics import Metrics

log = logging.getLogger("suda.requests")

REQUEST_ID = "X-Request-Id"
# What a caller may name a request; anything else is given a name of ours.
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# Asked every few seconds by machines: worth no log line unless they fail.
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
_UNKNOWN = "unmatched"


class Telemetry:
    """ASGI middleware, outermost. `version` names the model that serves now."""

    def __init__(self, app: ASGIApp, metrics: Metrics, version: Callable[[], str | None]) -> None:
        self._app = app
        self._metrics = metrics
        self._version = version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its id in and out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = request_id(scope)
        facts = logs.begin(request_id=name, model=self._version())
        began = time.perf_counter()
        # 499: the caller left before there was an answer.
        status = 499

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = name
            await send(message)

        try:
            await self._app(scope, receive, named)
        except BaseException:
            status = 500
            raise
        finally:
            self._record(scope, status, time.perf_counter() - began, facts)

    def _record(self, scope: Scope, status: int, seconds: float, facts: dict[str, Any]) -> None:
        route = route_of(scope)
        metrics = self._metrics
        metrics.of(metrics.requests, _method(scope), route, str(status)).inc()
        metrics.of(metrics.request_seconds, route).observe(seconds)
        if route in _QUIET and status < 400:
            return
        facts |= {"status": status, "route": route, "ms": round(seconds * 1000, 2)}
        log.log(logging.ERROR if status >= 500 else logging.INFO, "%s", _method(scope))


def request_id(scope: Scope) -> str:
    """The caller's name for the request where it is a plain one, else a new one."""
    given = dict(scope["headers"]).get(REQUEST_ID.lower().encode(), b"").decode("latin-1")
    return given if _ID.fullmatch(given) else str(ULID())


def route_of(scope: Scope) -> str:
    """The route's template, never the path itself: paths are as many as callers care to invent."""
    route = scope.get("route")
    return str(getattr(route, "path", _UNKNOWN))


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    return scope["method"] if scope["method"] in known else "OTHER"
