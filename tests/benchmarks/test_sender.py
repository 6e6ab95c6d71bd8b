"""The sender: its schedule, its accounts, and answers that never come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.rig.connection import Connection
from benchmarks.rig.sender import Sender
from benchmarks.rig.shots import Plan, Shot, Volley

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"complaint_id":"a"}'


async def _serving(serve: Serve, plan: Plan) -> Volley:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        return await Sender(replace(plan, port=port)).run()
    finally:
        server.close()
        await asyncio.sleep(0.05)


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


def plan(texts: Path, **changes: object) -> Plan:
    return Plan(0, "key", str(texts), "t", **{"seconds": 0.3, **changes})  # type: ignore[arg-type]


def test_a_server_that_stalls_stops_no_arrival(texts: Path) -> None:
    """Requests leave by the clock, and waiting counts from when they should have left."""

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        await asyncio.sleep(0.4)
        writer.write(OK)
        await reader.read()
        writer.close()

    volley = asyncio.run(_serving(stall, plan(texts, rate=50.0, arrivals="constant")))
    assert len(volley.shots) == 14
    assert all(shot.accepted and shot.complaint == "a" for shot in volley.shots)
    assert min(shot.latency for shot in volley.shots) >= 0.35
    due = [shot.intended for shot in sorted(volley.shots)]
    assert due == pytest.approx([(i + 1) / 50 for i in range(14)])


def test_what_gets_no_answer_is_counted_as_failed(texts: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf")
        writer.close()

    volley = asyncio.run(_serving(hang_up, plan(texts, callers=2, most=6)))
    account = volley.account()
    assert account["sent"] == account["failed"] == 6
    assert account["statuses"] == {"0": 6}


def test_the_same_number_is_the_same_request(texts: Path) -> None:
    first, second = Sender(plan(texts)), Sender(plan(texts))
    assert first.request(5) == second.request(5) != first.request(6)
    assert b'"external_id":"t-5"' in first.request(5)
    assert b"external_id" not in Sender(plan(texts, identified=False)).request(5)
    assert b"Suda-Deadline-Ms: 9\r\n" in Sender(plan(texts, deadline_ms=9)).request(5)


def test_go_on_is_not_the_answer() -> None:
    async def ask() -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        connection = await Connection.to("127.0.0.1", server.sockets[0].getsockname()[1])
        answer = await connection.ask(b"GET / HTTP/1.1\r\n\r\n", timeout=5)
        connection.close()
        server.close()
        await asyncio.sleep(0.05)
        return answer.status

    assert asyncio.run(ask()) == 200


def test_volleys_survive_their_way_between_processes() -> None:
    shots = (Shot(0, 0.0, 0.1, 0.5, 200, "a", "b"), Shot(1, 0.1, 0.1, 0.2, 429, "", ""))
    volley = Volley.parse(Volley(shots, 2.0, 0.5).as_json())
    assert volley.shots == shots
    both = Volley.together([volley, volley])
    assert (both.per_second, both.cpu_seconds) == (1.0, 1.0)
    assert volley.account()["refused"] == 1
