"""The bounded executor that every complaint passes: admitted, run once, answered or refused."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from data.errors import NotReadyError, OverloadedError, SudaError
from serving.engine.capacity import Capacity
from serving.engine.crew import Crew
from serving.engine.laps import Laps
from serving.engine.line import Line
from serving.engine.observer import Observer, Silent
from serving.engine.ticket import JointWork, Ticket, Work

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """`workers` threads; `max_waiting` texts at most; `stuck_after` seconds without a sign of
    life a thread is replaced. A thread takes `together` texts at a time at most, while more wait
    than there are threads. `promised` is the share of a deadline in which texts are let in:
    capacity is a mean, and under overload the line is always as long as may be, so that with all
    of the time promised half of the last ones would come too late.
    """

    workers: int
    max_waiting: int = 10_000
    stuck_after: float = 30.0
    promised: float = 1.0
    together: int = 1


class Engine:
    """Runs work on threads of its own, what is due first before the rest.

    A text is admitted if those due before it, those in progress and itself can be begun by its
    deadline at the measured capacity; the rule is the same for one text and for many.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._observer: Observer = observer or Silent()
        self._clock = clock
        self._numbers = itertools.count()
        self._line = Line()
        self._lock = threading.Lock()
        self._begun = 0
        self._running = 0
        self._closed = False
        self.capacity = Capacity(limits.workers, 100.0 * limits.workers, limits.promised)
        self.crew = Crew(
            "classify",
            limits.workers,
            self._step,
            wake=self._line.close,
            stuck_after=limits.stuck_after,
            clock=clock,
        )

    def start(self) -> None:
        """Start the threads."""
        self.crew.start()

    @property
    def waiting(self) -> int:
        """Texts admitted and not begun."""
        return len(self._line)

    @property
    def backlog_seconds(self) -> float:
        """How long it takes until all that wait are begun, at the measured capacity."""
        return len(self._line) / self.capacity.per_second

    @property
    def in_progress(self) -> int:
        """Texts begun and not answered: in a worker, or waiting for their commit."""
        return self._begun

    @property
    def at_work(self) -> int:
        """Threads that have texts in work now."""
        return self._running

    def admit(self, works: Sequence[Work[T]], *, within: float) -> list[Ticket[T]]:
        """Take all of `works` on, to be begun within so many seconds, or none.

        Raises OverloadedError where they cannot be, NotReadyError where the engine is stopping.
        """
        now = self._clock()
        with self._lock:
            if (error := self.refusal(len(works), within=within)) is not None:
                try:
                    raise error
                finally:
                    # It holds this frame, which would hold it: a circle for each that is refused.
                    del error
            tickets = [
                Ticket(work, now + within, next(self._numbers), Laps(self._clock)) for work in works
            ]
            for ticket in tickets:
                ticket.future.add_done_callback(_Once(self._settled, ticket))
            self._line.put(tickets)
        return tickets

    def refusal(self, texts: int, *, within: float) -> SudaError | None:
        """Why so many texts would not be admitted now, counted as refused; None if they would."""
        if self._closed:
            self._observer.rejected("stopping", texts)
            return NotReadyError("the service is stopping")
        ahead = self._line.before(self._clock() + within) + self._begun
        limit = self.capacity.limit(within)
        over = max(ahead + texts - limit, len(self._line) + texts - self._limits.max_waiting)
        if over <= 0:
            return None
        self._observer.rejected("overloaded", texts)
        speed = self.capacity.per_second
        if texts > limit:
            need = texts / speed
            message = (
                f"{texts} texts need about {need:.1f} s now; expected a later deadline or fewer"
            )
            return OverloadedError(message, retry_after=ahead / speed, field="Suda-Deadline-Ms")
        message = f"{ahead} texts are due before, at {speed:.0f} a second"
        return OverloadedError(message, retry_after=over / speed)

    def tend(self) -> int:
        """Replace dead and stuck threads; returns how many."""
        replaced = self.crew.tend()
        if replaced:
            self._observer.replaced("classify", replaced)
        return replaced

    def close(self, timeout: float) -> None:
        """Admit nothing more, finish what is waiting, and stop."""
        with self._lock:
            self._closed = True
        self.crew.close(timeout)
        for ticket in self._line.clear():
            ticket.fail(NotReadyError("the service stopped before it was begun"))

    def _step(self, timeout: float) -> bool:
        limits = self._limits
        tickets = self._line.take(timeout, among=limits.workers, most=limits.together)
        for ticket in tickets:
            ticket.laps.lap("queue")
        now = self._clock()
        if begun := [ticket for ticket in tickets if _begin(ticket, now)]:
            self._run(begun)
        return bool(tickets)

    def _run(self, tickets: Sequence[Ticket[T]]) -> None:
        with self._lock:
            self._begun += len(tickets)
            self._running += 1
            busy = self._running >= self._limits.workers
        began = self._clock()
        try:
            for ticket, result in zip(tickets, _results(tickets), strict=True):
                self._finish(ticket, result)
        except Exception as error:  # noqa: BLE001 - the error is the answer
            for ticket in tickets:
                ticket.fail(error)
        except BaseException:
            for ticket in tickets:
                ticket.fail(SudaError("the thread that classified it died"))
            raise
        finally:
            with self._lock:
                busy = busy and self._running >= self._limits.workers
                self._running -= 1
            each = (self._clock() - began) / len(tickets)
            for _ in tickets:
                self.capacity.observe(each, all_busy=busy)

    def _finish(self, ticket: Ticket[T], result: T | Future[T] | Exception) -> None:
        if isinstance(result, Exception):
            ticket.fail(result)
        elif isinstance(result, Future):
            result.add_done_callback(partial(_hand_on, ticket))
        else:
            ticket.succeed(result)

    def _settled(self, ticket: Ticket[Any]) -> None:
        """Whatever became of a ticket, here it is counted, once."""
        if not ticket.begun:
            self._line.remove(ticket)
            late = self._clock() > ticket.deadline
            reason = "deadline" if late else "abandoned"
            self._observer.dropped("stopped" if self._closed else reason)
            return
        with self._lock:
            self._begun -= 1
        if ticket.future.exception() is None:
            self._observer.finished(ticket.laps)
        else:
            self._observer.failed()


class _Once:
    """Tells of a ticket's end and lets go of it.

    A Future keeps its callbacks for good. One that held the ticket would close a circle, and every
    text and answer would stay until Python's collector stops all threads to look for circles.
    """

    __slots__ = ("_tell", "_ticket")

    def __init__(self, tell: Callable[[Ticket[Any]], None], ticket: Ticket[Any]) -> None:
        self._tell = tell
        self._ticket: Ticket[Any] | None = ticket

    def __call__(self, _: Future[Any]) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._tell(ticket)


def _begin(ticket: Ticket[Any], now: float) -> bool:
    """Whether there is still somebody who waits for it, and time."""
    if not ticket.future.done() and now > ticket.deadline:
        ticket.drop()
    if ticket.future.done() or not ticket.future.set_running_or_notify_cancel():
        return False
    ticket.begun = True
    return True


def _results(tickets: Sequence[Ticket[T]]) -> Sequence[T | Future[T] | Exception]:
    first = tickets[0]
    if len(tickets) > 1 and isinstance(first.work, JointWork):
        works: list[Any] = [ticket.work for ticket in tickets]
        return first.work.together(works, [ticket.laps for ticket in tickets])
    return [first.work(first.laps)]


def _hand_on(ticket: Ticket[T], inner: Future[T]) -> None:
    ticket.laps.lap("commit")
    error = inner.exception()
    if error is None:
        ticket.succeed(inner.result())
    elif isinstance(error, Exception):
        ticket.fail(error)
    else:
        ticket.fail(SudaError("the thread that saved it died"))
