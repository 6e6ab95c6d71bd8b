"""Send a load: open loop by a schedule of its own, or closed loop by so many callers.

python -m benchmarks.rig.sender < plan.json > volley.json
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import uvloop

from benchmarks.rig.connection import Answer, BrokenError, Connection
from benchmarks.rig.shots import Plan, Shot, Volley
from benchmarks.rig.texts import read_texts

# The first key of a decision. Reading all of an answer would take from the service what it is
# measured by.
_ID = re.compile(rb'\{"complaint_id":"([^"]*)"')


@dataclass(slots=True)
class Pool:
    """Connections that are kept open and used again, the latest one first."""

    host: str
    port: int
    most: int
    _idle: list[Connection] = field(default_factory=list)
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.most)

    async def ask(self, request: bytes, timeout: float) -> Answer:
        """Send on an idle connection, or on a new one. Raises OSError, BrokenError, TimeoutError.

        A request that fails is not sent again: what became of it is not known.
        """
        async with self._free:
            connection = self._take() or await Connection.to(self.host, self.port, timeout=timeout)
            answer = await connection.ask(request, timeout=timeout)
            if connection.open:
                self._idle.append(connection)
            return answer

    def close(self) -> None:
        """Hang up."""
        for connection in self._idle:
            connection.close()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None


class Sender:
    """Requests by number: the same number is the same request, byte for byte."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._texts = read_texts(Path(plan.texts))
        self._pool = Pool(plan.host, plan.port, plan.connections)
        self._began = 0.0
        self.shots: list[Shot] = []

    def request(self, number: int) -> bytes:
        """The bytes of one request."""
        plan = self._plan
        sent = {"text": self._texts[number % len(self._texts)]}
        if plan.identified:
            sent["external_id"] = f"{plan.name}-{number}"
        body = orjson.dumps(sent)
        deadline = f"Suda-Deadline-Ms: {plan.deadline_ms}\r\n" if plan.deadline_ms else ""
        head = (
            f"POST {plan.path} HTTP/1.1\r\nHost: {plan.host}\r\n{deadline}"
            f"Authorization: Bearer {plan.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def send(self, number: int, intended: float | None = None) -> Shot:
        """Send one request and keep what became of it; `intended` is on the load's own clock."""
        sent = self._now()
        try:
            answer = await self._pool.ask(self.request(number), self._plan.timeout)
        except (OSError, BrokenError, TimeoutError):
            answer = Answer(0, {}, b"")
        due = sent if intended is None else intended
        shot = Shot(number, due, sent, self._now(), answer.status, *_told(answer))
        self.shots.append(shot)
        return shot

    async def close(self) -> None:
        """Hang up, and see it through: a loop that ends first leaves sockets behind."""
        self._pool.close()
        await asyncio.sleep(0.01)

    async def run(self) -> Volley:
        """The whole load; returns when the last answer is in or its time is over."""
        self._began, cpu = time.perf_counter(), time.process_time()
        await (self._closed() if self._plan.rate is None else self._open(self._plan.rate))
        seconds = min(self._now(), max(self._plan.seconds, 1e-9))
        await self.close()
        return Volley(tuple(self.shots), seconds, time.process_time() - cpu)

    async def _open(self, rate: float) -> None:
        under_way: set[asyncio.Task[Shot]] = set()
        for number, due in enumerate(self._schedule(rate)):
            if (wait := due - self._now()) > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self.send(number, due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way)

    def _schedule(self, rate: float) -> Iterator[float]:
        gap = random.Random(self._plan.seed)  # noqa: S311 - arrival times, not a secret
        due = 0.0
        while True:
            due += gap.expovariate(rate) if self._plan.arrivals == "poisson" else 1 / rate
            if due >= self._plan.seconds:
                return
            yield due

    async def _closed(self) -> None:
        numbers = iter(range(self._plan.most or sys.maxsize))
        await asyncio.gather(*(self._caller(numbers) for _ in range(self._plan.callers)))

    async def _caller(self, numbers: Iterator[int]) -> None:
        while self._now() < self._plan.seconds:
            number = next(numbers, None)
            if number is None:
                return
            shot = await self.send(number)
            if shot.status == 0:
                # A service that is away is asked again a little later, not in a tight loop.
                await asyncio.sleep(0.02)

    def _now(self) -> float:
        return time.perf_counter() - self._began


def _told(answer: Answer) -> tuple[str, str]:
    """Complaint id and a hash of the answer; empty where there is no decision."""
    if answer.status != 200:
        return "", ""
    found = _ID.match(answer.body)
    complaint = found[1].decode() if found else ""
    return complaint, hashlib.blake2b(answer.body, digest_size=8).hexdigest()


def run(plan: Plan) -> Volley:
    """Send the load in this process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(Sender(plan).run())


if __name__ == "__main__":
    sys.stdout.buffer.write(run(Plan(**orjson.loads(sys.stdin.buffer.read()))).as_json())
