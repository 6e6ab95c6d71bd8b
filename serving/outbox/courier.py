"""Deliver what is in the outbox: at least once, in order, each department at its own pace."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session, sessionmaker

from serving.cases import events
from serving.cases.events import OURSELVES, Event
from serving.outbox import payload
from serving.outbox.departments import destinations
from serving.outbox.pauses import Pauses
from serving.outbox.sender import Destination, Outcome, Sender
from serving.store import outbox
from serving.store.rows.outbox import OutboxRow
from serving.telemetry.logs import trail
from serving.triage.policy import Policy

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    """How often it is tried: the n-th time after up to `base`·2ⁿ⁻¹ seconds, `cap` at most.

    The wait is drawn between zero and that ("full jitter"), so that what failed together does not
    come again together. `lease` is for how long a message is taken, `poll` how often is looked.
    """

    attempts: int = 30
    base: float = 5.0
    cap: float = 3600.0
    lease: float = 60.0
    poll: float = 1.0

    def wait(self, attempt: int, draw: float, retry_after: float | None) -> float:
        """Seconds until the next attempt after the `attempt`-th; `draw` is random in [0, 1)."""
        backoff = draw * min(self.cap, self.base * 2.0 ** min(attempt - 1, 40))
        return max(backoff, min(retry_after or 0.0, self.cap))


class Courier:
    """Takes messages out of the outbox and has `sender` bring them. Runs on an event loop.

    The database is asked on `executor`. `on_done` is told "delivered", "failed" or "dead".
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        policy: Callable[[datetime], Policy],
        sender: Sender,
        executor: Executor,
        terms: Terms,
        *,
        clock: Callable[[], datetime],
        draw: Callable[[], float],
        on_done: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._sessions = sessions
        self._policy = policy
        self._sender = sender
        self._executor = executor
        self._terms = terms
        self._clock = clock
        self._draw = draw
        self._on_done = on_done
        self._busy: Counter[str] = Counter()
        self._pauses = Pauses(draw)
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until `stopping`; a database that is away is waited for."""
        while not stopping.is_set():
            self._wake.clear()
            try:
                await self.begin()
            except Exception as error:  # noqa: BLE001 - said, and tried again
                log.warning("the outbox cannot be read: %s", trail(error))
            await self._pause(stopping)

    async def once(self) -> None:
        """Deliver what is due now, with what becomes due behind it."""
        while await self.begin() or self._tasks:
            if self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def settle(self, timeout: float) -> bool:
        """Wait for what is on its way; False if some of it took longer and is left."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        left = bool(self._tasks)
        for task in self._tasks:
            task.cancel()
        return not left

    async def begin(self) -> int:
        """Take what is due, as much as each department may have at once, and send it off."""
        begun = 0
        for destination in await self._db(self._due):
            free = self._free(destination)
            if free <= 0:
                continue
            for message in await self._claim(destination.department, free):
                self._send_off(destination, message)
                begun += 1
        return begun

    def _free(self, destination: Destination) -> int:
        """How many more messages may be on their way there now."""
        department = destination.department
        busy = self._busy[department]
        free = destination.concurrency - busy
        return self._pauses.room(department, free, busy, self._clock())

    def _due(self, session: Session) -> list[Destination]:
        now = self._clock()
        known = destinations(session, self._policy(now), now)
        # What waits for others, be it very much, need not be looked through.
        asked = sorted(code for code, to in known.items() if to.open and self._free(to) > 0)
        return [known[code] for code in outbox.due(session, asked, now)]

    async def _claim(self, department: str, limit: int) -> list[OutboxRow]:
        def claim(session: Session) -> list[OutboxRow]:
            now = self._clock()
            until = now + timedelta(seconds=self._terms.lease)
            return outbox.claim(session, department, limit, now, until)

        return await self._db(claim)

    def _send_off(self, destination: Destination, message: OutboxRow) -> None:
        self._busy[destination.department] += 1
        task = asyncio.create_task(self._deliver(destination, message))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._returned(destination.department, done))

    def _returned(self, department: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._busy[department] -= 1
        self._wake.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # What came of it is not known: it is due again when its lease ends.
            log.error("a delivery to %s failed: %s", department, trail(error))

    async def _deliver(self, destination: Destination, message: OutboxRow) -> None:
        try:
            body = await self._db(lambda session: payload.build(session, message))
            outcome = await self._sender.send(destination, message.id, body)
            self._pauses.told(destination.department, outcome, self._clock())
        except Exception as error:  # noqa: BLE001 - one that cannot be made is given up in the end
            log.error("message %s cannot be made: %s", message.id, trail(error))
            outcome = Outcome(None, f"cannot be made: {type(error).__name__}")
        self._on_done(await self._db(lambda session: self._mark(session, message, outcome)))

    def _mark(self, session: Session, message: OutboxRow, outcome: Outcome) -> str:
        now = self._clock()
        if outcome.error is None:
            status = outcome.status or 0
            if outbox.delivered(session, message.id, status, now):
                events.append(session, [_event(message, "delivered", {"status": status})], now)
            return "delivered"
        dead = message.attempts >= self._terms.attempts
        wait = self._terms.wait(message.attempts, self._draw(), outcome.retry_after)
        marked = outbox.failed(
            session,
            message.id,
            message.lease or "",
            again=None if dead else now + timedelta(seconds=wait),
            status=outcome.status,
            error=outcome.error,
            now=now,
        )
        if dead and marked:
            events.append(session, [_event(message, "dead", {"status": outcome.status})], now)
            log.error("gave up message %s to %s: %s", message.id, message.department, outcome.error)
        return "dead" if dead else "failed"

    async def _db(self, work: Callable[[Session], T]) -> T:
        def run() -> T:
            with self._sessions.begin() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._executor, run)

    async def _pause(self, stopping: asyncio.Event) -> None:
        """Until there may be more to do: something came back, or it is time to look."""
        waits = [asyncio.create_task(event.wait()) for event in (self._wake, stopping)]
        await asyncio.wait(waits, timeout=self._terms.poll, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _event(message: OutboxRow, kind: str, more: dict[str, int | None]) -> Event:
    body = {"message": message.id, "part": message.part, "order": message.kind, **more}
    return Event(
        message.complaint_id,
        kind,
        OURSELVES,
        department=message.department,
        body={**body, "attempts": message.attempts},
    )
