"""Refuse a body that is too large before it is held in memory."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.errors import TooLargeError
from serving.api.problems import of_error, respond


class BodyLimit:
    """ASGI middleware: 413 for bodies over `max_bytes`, declared or streamed.

    `larger` are the limits of paths whose bodies go to disk as they come.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, larger: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._max = max_bytes
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._max)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await _refuse(limit, scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                # FastAPI lets an HTTPException through its body parsing; ours would become a 400.
                raise HTTPException(413, f"expected at most {limit} bytes")
            return message

        await self._app(scope, counted, send)


async def _refuse(limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    error = TooLargeError(f"expected at most {limit} bytes", field="body")
    await respond(of_error(error))(scope, receive, send)
