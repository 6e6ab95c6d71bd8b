"""One keep-alive HTTP/1.1 connection, as light as Python allows: the sender shares the machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import httptools


class BrokenError(Exception):
    """The connection ended before its answer was whole."""


@dataclass(slots=True)
class Answer:
    """A whole answer; header names in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@dataclass(slots=True)
class _Reading:
    """What has come of the answer so far."""

    waiter: asyncio.Future[Answer]
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """Sends one request at a time and parses its answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._reading: _Reading | None = None
        self.open = False

    @classmethod
    async def to(cls, host: str, port: int, *, timeout: float = 10.0) -> Connection:
        """Connect. Raises OSError or TimeoutError."""
        loop = asyncio.get_running_loop()
        made = loop.create_connection(cls, host, port)
        _, connection = await asyncio.wait_for(made, timeout)
        return connection

    async def ask(self, request: bytes, *, timeout: float) -> Answer:
        """Send the bytes of one request. Raises BrokenError, or TimeoutError and closes."""
        if self._transport is None or not self.open or self._reading is not None:
            raise BrokenError("not ready for a request")
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._reading = _Reading(waiter)
        self._transport.write(request)
        try:
            async with asyncio.timeout(timeout):
                return await waiter
        except TimeoutError:
            self.close()
            raise
        finally:
            self._reading = None

    def close(self) -> None:
        """Hang up."""
        self.open = False
        if self._transport is not None:
            self._transport.close()

    # What asyncio and the parser call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        # uvloop's own kind of transport is none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        """Parse."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(BrokenError(f"not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side hung up, or we did."""
        self.open = False
        self._break(BrokenError(str(exc or "closed")))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if self._reading is not None:
            self._reading.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._reading is not None:
            self._reading.body.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        reading = self._reading
        if self._parser.get_status_code() == 100 and reading is not None:
            # "Go on": the answer itself is still to come.
            reading.headers.clear()
            return
        if not self._parser.should_keep_alive():
            self.close()
        if reading is not None and not reading.waiter.done():
            status = self._parser.get_status_code()
            reading.waiter.set_result(Answer(status, reading.headers, b"".join(reading.body)))

    def _break(self, error: Exception) -> None:
        if self._reading is not None and not self._reading.waiter.done():
            self._reading.waiter.set_exception(error)
