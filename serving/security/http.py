"""Refuse oversized or dawdling request heads before they are held in memory."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_REFUSAL = (
    b"HTTP/1.1 %s\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%s"
)
_TOO_LARGE = (
    b'{"type":"urn:suda:problem:head_too_large","title":"Too large","status":431,'
    b'"code":"head_too_large","detail":"the request line and headers are too large"}'
)
_TOO_SLOW = (
    b'{"type":"urn:suda:problem:head_too_slow","title":"Too slow","status":408,'
    b'"code":"head_too_slow","detail":"the request line and headers took too long"}'
)


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's own protocol sets no limit to what comes before a body; this one does.

    The time runs from the first byte of a head (on a new connection: from the connection) to its
    end, however steadily the bytes drip in.
    """

    max_head: ClassVar[int] = 32 * 1024
    head_seconds: ClassVar[float] = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._ended = False
        self._head_bytes = 0
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and count what belongs to an unfinished head."""
        if self._in_head and self._head_bytes + len(data) > self.max_head and self._long(data):
            self._refuse(b"431 Request Header Fields Too Large", _TOO_LARGE)
            return
        self._ended = False
        super().data_received(data)
        if self._in_head:
            # Where a body ended within these bytes, they are mostly not of the next head.
            self._head_bytes = 0 if self._ended else self._head_bytes + len(data)

    def _long(self, data: bytes) -> bool:
        """Whether the head goes on beyond the limit: a short one may come with a long body."""
        allowed = self.max_head - self._head_bytes
        return b"\r\n\r\n" not in data[: max(0, allowed)]

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        if self._limit is None:
            self._start_clock()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head, self._head_bytes = False, 0
        self._stop_clock()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole; what follows is another head."""
        self._in_head = self._ended = True
        super().on_message_complete()

    def _start_clock(self) -> None:
        self._limit = self.loop.call_later(self.head_seconds, self._dawdled)

    def _stop_clock(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _dawdled(self) -> None:
        self._limit = None
        if not self._head_bytes:
            # Nothing was asked, so there is nothing to answer.
            self.transport.close()
            return
        self._refuse(b"408 Request Timeout", _TOO_SLOW)

    def _refuse(self, status: bytes, body: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(_REFUSAL % (status, len(body), body))
            self.transport.close()


def guarded_http(max_head: int, head_seconds: float) -> type[GuardedHttp]:
    """The protocol with these limits, in bytes and seconds, for `uvicorn.run(http=…)`."""
    limits = {"max_head": max_head, "head_seconds": head_seconds}
    return type("GuardedHttp", (GuardedHttp,), limits)
