"""Request heads over a real socket: too large, too slow, just right."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn

from serving.security.http import guarded_http

LIMIT = 4096
SLOW = 0.6


async def answer(scope: dict[str, object], receive: object, send: object) -> None:
    size = 0
    while True:
        message = await receive()  # type: ignore[operator]
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": body})  # type: ignore[operator]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(
        answer,  # type: ignore[arg-type]
        port=0,
        http=guarded_http(LIMIT, SLOW),
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        yield connection


def heard(line: socket.socket) -> bytes:
    """All until the other side closes."""
    found = b""
    while piece := _piece(line):
        found += piece
    return found


def _piece(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except ConnectionError:
        return b""


def ask(line: socket.socket, body: bytes, extra: bytes = b"") -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n" % (extra, len(body))
    line.sendall(head + body)
    found = b""
    while not found.endswith(str(len(body)).encode()):
        piece = line.recv(65536)
        if not piece:
            break
        found += piece
    return found


def test_large_bodies_and_many_requests_on_one_line_pass(line: socket.socket) -> None:
    for size in (0, 10, LIMIT * 2, 300_000, 0, LIMIT - 100, 5, 1_000_000, 1):
        assert ask(line, b"x" * size).startswith(b"HTTP/1.1 200")
    almost = b"A: %s\r\n" % (b"x" * (LIMIT - 200))
    assert ask(line, b"", almost).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 500_000,
        b"GET /" + b"x" * 500_000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100_000,
        b"GET / HTTP/1.1\r\nA: " + b"x" * LIMIT + b"\r\n\r\n",
    ],
)
def test_a_head_without_end_is_refused(line: socket.socket, head: bytes) -> None:
    try:
        line.sendall(head)
        said = heard(line)
    except ConnectionError:
        # Closed while we were still sending: refused all the same.
        return
    assert said == b"" or said.startswith(b"HTTP/1.1 431")


def test_a_head_sent_in_pieces_is_counted_whole(line: socket.socket) -> None:
    line.sendall(b"GET / HTTP/1.1\r\nA: ")
    with suppress(ConnectionError):
        for _ in range(8):
            line.sendall(b"x" * (LIMIT // 4))
            time.sleep(0.01)
    assert heard(line).startswith(b"HTTP/1.1 431")


def test_a_dripping_head_is_ended(line: socket.socket) -> None:
    for byte in b"GET / HTTP/1.1\r\nHost: x\r\nA: bbbbbbbbbbbbbbbb":
        try:
            line.sendall(bytes([byte]))
        except ConnectionError:
            break
        time.sleep(0.03)
    assert heard(line).startswith(b"HTTP/1.1 408")


def test_a_silent_line_is_closed_without_a_word(line: socket.socket) -> None:
    assert heard(line) == b""


def test_a_second_request_has_its_own_time(line: socket.socket) -> None:
    assert ask(line, b"x").startswith(b"HTTP/1.1 200")
    time.sleep(SLOW * 1.5)  # idle between requests is not dawdling
    assert ask(line, b"y").startswith(b"HTTP/1.1 200")
    line.sendall(b"GET / HT")
    assert heard(line).startswith(b"HTTP/1.1 408")
