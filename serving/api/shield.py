"""Security headers on every answer, and failures without their words."""

from __future__ import annotations

import logging

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from data.errors import SudaError
from serving.api.problems import of_any, respond
from serving.telemetry.logs import trail

_LOG = logging.getLogger("suda.security")
_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Shield:
    """ASGI middleware, outermost: headers on every answer, and failures without their words.

    A failure's message may quote a customer or a secret, so it is neither answered nor logged.
    """

    def __init__(self, app: ASGIApp, hsts_seconds: int) -> None:
        self._app = app
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
        }
        if hsts_seconds:
            self._headers["Strict-Transport-Security"] = (
                f"max-age={hsts_seconds}; includeSubDomains"
            )

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 500 for what nobody caught."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - whatever it is, its words stay here
            _LOG.error("request failed: %s", trail(error))
            if started:
                # The answer is under way: breaking off is all that tells the caller.
                raise BrokenAnswerError from None
            await respond(of_any(error))(scope, receive, guarded)


class BrokenAnswerError(SudaError):
    """An answer failed after its first bytes had left."""

    def __init__(self) -> None:
        super().__init__("the answer broke off")
