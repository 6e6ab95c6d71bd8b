"""A department's receiver on a real socket, which may be slow, fail, lie or never end."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

Behaviour: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Receiver:
    """Answers the n-th request with the n-th behaviour, the last one from then on."""

    behaviours: list[Behaviour]
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    at_once: int = 0
    most_at_once: int = 0
    _released: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def documents(self) -> list[Any]:
        return [request.document for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            number = len(self.requests)
            self.requests.append(Request(first.split(" ")[1], headers, body))
            await self.behaviours[min(number, len(self.behaviours) - 1)](writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.at_once -= 1
            writer.close()


def status(code: int, **headers: str) -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        writer.write(f"HTTP/1.1 {code} X\r\n{more}Content-Length: 0\r\n\r\n".encode())

    return answer


def raw(*parts: bytes) -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return answer


def slow(seconds: float, then: Behaviour) -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(writer)

    return answer


def held(gate: threading.Event, then: Behaviour) -> Behaviour:
    """Nothing until the gate opens: what must come before it does, however slow the machine."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        while not gate.is_set():
            await asyncio.sleep(0.01)
        await then(writer)

    return answer


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no single wait is ever long."""
    for sign in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000:
        writer.write(bytes([sign]))
        await writer.drain()
        await asyncio.sleep(0.02)


ok = status(204)


@contextmanager
def receiving(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a port of this machine, in a thread of its own."""
    receiver = Receiver(list(behaviours) or [ok])
    begun, ended = threading.Event(), threading.Event()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        receiver.url = f"{'https' if tls else 'http'}://localhost:{port}/suda?token=t0p"
        begun.set()
        while not ended.is_set():
            await asyncio.sleep(0.01)
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    begun.wait()
    try:
        yield receiver
    finally:
        ended.set()
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
