"""What goes on beside the requests: deliver work orders, watch the clocks, keep the figures."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from serving.cases import sweep
from serving.engine.ticker import give_way
from serving.outbox.courier import Courier, Terms
from serving.outbox.departments import Directory
from serving.outbox.sender import HttpSender, Sender
from serving.settings import Settings
from serving.store import outbox
from serving.telemetry.logs import trail
from serving.telemetry.metrics import Metrics
from serving.triage.policy import Policy

log = logging.getLogger(__name__)

# Threads for the database: one may be held up by another's lock.
_THREADS = 2
# What is rested after a piece of work, by how long it took. Whoever sweeps a flood holds SQLite's
# one lock for a quarter of the time; counting, which takes longer the more cases are open, is in no
# hurry.
_SWEEP_REST, _COUNT_REST = 3.0, 50.0
# Between an attempt's end and its lease's: time to mark what came of it.
_MARKING_SECONDS = 30.0


def http_sender(settings: Settings) -> HttpSender:
    """The sender that the settings describe. Raises InputError for a CA file that is none."""
    return HttpSender(
        timeout=settings.webhook_timeout,
        private=settings.webhook_private,
        ca=settings.webhook_ca,
    )


def terms(settings: Settings) -> Terms:
    """How often is tried, as the settings say."""
    return Terms(
        attempts=settings.webhook_attempts,
        lease=settings.webhook_timeout + _MARKING_SECONDS,
        poll=settings.outbox_poll_seconds,
    )


class Watch:
    """Marks clocks that ran out, and keeps the figures of cases and outbox. Blocking."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        directory: Directory,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._directory = directory
        self._metrics = metrics
        self._clock = clock
        self._clocks: set[str] = set()

    def sweep(self) -> bool:
        """Mark some of what ran out until now; whether there may be more. Raises what the database
        raises.
        """
        self._directory.refresh()
        with self._sessions.begin() as session:
            swept = sweep.sweep(session, self._clock())
        for clock in swept.clocks:
            self._metrics.clock_breaches.labels(clock).inc()
        return swept.more

    def count(self) -> bool:
        """Count how many cases are late or nearly so, and what waits in the outbox; there is never
        more. Raises what the database raises.
        """
        metrics, now = self._metrics, self._clock()
        with self._sessions() as session:
            late = sweep.overdue(session)
            near = sweep.at_risk(session, now)
            stands = outbox.standing(session)
        self._clocks |= set(late)
        for clock in self._clocks:
            metrics.overdue.labels(clock).set(late.get(clock, 0))
        for days, counts in near.items():
            metrics.at_risk.labels(str(days)).set(sum(counts.values()))
        metrics.outbox_pending.set(stands.pending)
        lag = (now - stands.oldest).total_seconds() if stands.oldest else 0.0
        metrics.outbox_lag.set(max(0.0, lag))
        metrics.dead_letters.set(stands.dead)
        return False


class Background:
    """A thread with an event loop of its own on which courier and watch run.

    `sender` brings the messages; with None none are delivered, the clocks are watched all the same.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: sessionmaker[Session],
        policy: Callable[[datetime], Policy],
        watch: Watch,
        sender: Sender | None,
        *,
        clock: Callable[[], datetime],
        on_done: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._policy = policy
        self._watch = watch
        self._sender = sender
        self._clock = clock
        self._on_done = on_done
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._grace = 0.0
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._work, name="suda-outbox", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._begun.wait()

    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def close(self, timeout: float) -> bool:
        """Take nothing new, wait for what is on its way; False if it took longer."""
        self._grace = timeout
        if self._loop is not None and self._stopping is not None and self.alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout + 1.0)
        return not self._thread.is_alive()

    def _work(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        with (
            ThreadPoolExecutor(_THREADS, "suda-outbox-db") as executor,
            # It only reads, so that nobody waits for a thread that gives way.
            ThreadPoolExecutor(1, "suda-figures", initializer=give_way) as aside,
        ):
            beside = [
                asyncio.create_task(self._repeating(where, self._stopping, work, rest))
                for where, work, rest in (
                    (executor, self._watch.sweep, _SWEEP_REST),
                    (aside, self._watch.count, _COUNT_REST),
                )
            ]
            if self._sender is not None:
                await self._delivering(executor, self._stopping, self._sender)
            await asyncio.gather(*beside)

    async def _delivering(
        self, executor: ThreadPoolExecutor, stopping: asyncio.Event, sender: Sender
    ) -> None:
        courier = Courier(
            self._sessions,
            self._policy,
            sender,
            executor,
            terms(self._settings),
            clock=self._clock,
            draw=random.SystemRandom().random,
            on_done=self._on_done,
        )
        try:
            await courier.run(stopping)
            await courier.settle(self._grace)
        finally:
            await sender.close()

    async def _repeating(
        self,
        executor: ThreadPoolExecutor,
        stopping: asyncio.Event,
        work: Callable[[], bool],
        rest: float,
    ) -> None:
        """Work every so often, or again at once while there is more; but rest after it `rest`
        times as long as it took.
        """
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            begun, more = loop.time(), False
            try:
                more = await loop.run_in_executor(executor, work)
            except Exception as error:  # noqa: BLE001 - said, and tried again
                log.warning("the clocks cannot be looked at: %s", trail(error))
            pause = max(rest * (loop.time() - begun), 0.0 if more else self._settings.sweep_seconds)
            try:
                await asyncio.wait_for(stopping.wait(), pause)
            except TimeoutError:
                continue


def background(
    settings: Settings,
    sessions: sessionmaker[Session],
    policy: Callable[[datetime], Policy],
    directory: Directory,
    metrics: Metrics,
    clock: Callable[[], datetime],
) -> Background:
    """Everything of a service's own, not started yet."""
    return Background(
        settings,
        sessions,
        policy,
        Watch(sessions, directory, metrics, clock),
        http_sender(settings) if settings.outbox == "on" else None,
        clock=clock,
        on_done=lambda result: metrics.deliveries.labels(result).inc(),
    )
