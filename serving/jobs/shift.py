"""One worker's time with one job: rows go to the engine a few at a time, what becomes of them
into the store.
"""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from data.errors import NotReadyError, OverloadedError
from serving.engine.engine import Engine
from serving.engine.ticket import Ticket
from serving.jobs.decide import Decider, stuck
from serving.store import job_items, job_lease
from serving.store.entry import Saved
from serving.store.job_items import Outcome, Tally, Waiting

FAR = 3600.0
"""Seconds to a row's deadline: any request of a caller who waits is due before and goes first."""

STUCK = 120.0
"""Seconds in work after which a row is given up."""

_PAGE = 200
_MARK_AT_ONCE = 64
_BEAT = 1.0
_LISTEN = 0.2
# Longest rest before rows that could not be decided for a passing reason are tried again.
_LONGEST_REST = 30.0
_NEWEST = 0.3


@dataclass(frozen=True, slots=True)
class Pace:
    """`lanes` rows at most are decided at a time, `window` are under way to the disk besides;
    a worker that is not heard of for `lease` has lost its job.
    """

    lanes: int
    window: int
    lease: timedelta


class Shift:
    """Works on a job that was claimed for `owner`, until `run` returns.

    `going` turns false when the service stops; `observe` is told of rows by outcome.
    """

    def __init__(
        self,
        job_id: str,
        owner: str,
        decider: Decider,
        engine: Engine,
        sessions: sessionmaker[Session],
        pace: Pace,
        *,
        going: Callable[[], bool],
        now: Callable[[], datetime],
        observe: Callable[[str, int], None] = lambda _outcome, _rows: None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._job_id = job_id
        self._owner = owner
        self._decider = decider
        self._engine = engine
        self._sessions = sessions
        self._pace = pace
        self._service_goes = going
        self._now = now
        self._observe = observe
        self._sleep = sleep
        self._ours = True
        # Rows not through a worker yet, and all that are not settled, by number.
        self._deciding: set[int] = set()
        self._flight: dict[int, tuple[Waiting, Ticket[Saved]]] = {}
        self._begun_at: dict[int, float] = {}
        self._heard: queue.SimpleQueue[tuple[Waiting, Future[Saved] | None]] = queue.SimpleQueue()
        self._outcomes: list[Outcome] = []
        self._counted = Counter[str]()
        self._speed: float | None = None
        self._beaten_at = time.monotonic()
        self._rows_then = 0

    def run(self) -> bool:
        """Until no row waits any more: true. False where the job was taken away or paused, or the
        service stops. Raises what the database raises.
        """
        with self._sessions() as session:
            self._start = job_items.tally(session, self._job_id)
        rest = _LISTEN
        try:
            while self._goes():
                before = self._rows
                if not self._round():
                    return True
                if self._rows > before:
                    rest = _LISTEN
                elif self._goes():
                    self._rest(rest)
                    rest = min(_LONGEST_REST, 2 * rest)
            return False
        finally:
            self._drop()

    def _goes(self) -> bool:
        return self._ours and self._service_goes()

    @property
    def _rows(self) -> int:
        """Rows that came to something in this shift."""
        return self._counted["done"] + self._counted["failed"]

    def _round(self) -> bool:
        """Send every row that waits through the engine; whether there was one."""
        any_row = False
        for row in self._waiting():
            any_row = True
            self._listen(lambda: self._has_room())
            if not self._goes():
                break
            self._admit(row)
        if not self._goes():
            self._drop()
        self._listen(lambda: not self._flight)
        self._beat()
        return any_row

    def _drop(self) -> None:
        """Give up what has not begun."""
        for _, ticket in self._flight.values():
            ticket.drop()

    def _waiting(self) -> Iterator[Waiting]:
        last = 0
        while True:
            with self._sessions() as session:
                page = job_items.waiting(session, self._job_id, last, _PAGE)
            if not page:
                return
            yield from page
            last = page[-1].number

    def _has_room(self) -> bool:
        free = len(self._deciding) < self._pace.lanes and len(self._flight) < self._pace.window
        return free or not self._goes()

    def _admit(self, row: Waiting) -> None:
        work = self._decider.work(row, lambda: self._heard.put((row, None)))
        while self._goes():
            try:
                (ticket,) = self._engine.admit([work], within=FAR)
            except OverloadedError as error:
                self._rest(min(1.0, error.retry_after or 1.0))
            except NotReadyError:
                self._ours = False
            else:
                self._deciding.add(row.number)
                self._flight[row.number] = row, ticket
                ticket.future.add_done_callback(lambda future: self._heard.put((row, future)))
                return

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._goes() and (left := until - time.monotonic()) > 0:
            self._sleep(min(left, _LISTEN))
            self._beat_if_due()

    def _listen(self, enough: Callable[[], bool]) -> None:
        """Take in what is heard of rows until it is enough."""
        while not enough():
            try:
                row, future = self._heard.get(timeout=_LISTEN)
            except queue.Empty:
                pass
            else:
                self._deciding.discard(row.number)
                if future is not None and self._forget(row.number):
                    self._take(self._decider.outcome(row, future))
            self._beat_if_due()

    def _forget(self, number: int) -> bool:
        """It is settled; false where it was given up before."""
        self._deciding.discard(number)
        self._begun_at.pop(number, None)
        return self._flight.pop(number, None) is not None

    def _give_up(self) -> None:
        """A row that hangs must not hold the others up; should it end after all, it is not stored,
        for it waits no more.
        """
        now = time.monotonic()
        for number, (row, ticket) in list(self._flight.items()):
            if ticket.begun and now - self._begun_at.setdefault(number, now) > STUCK:
                self._forget(number)
                self._take(stuck(row))

    def _take(self, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        if self._decider.is_written(outcome):
            self._count([outcome])
            return
        self._outcomes.append(outcome)
        if len(self._outcomes) >= _MARK_AT_ONCE:
            self._beat()

    def _count(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self._counted[outcome.state] += 1
            self._counted["review"] += outcome.review
            self._counted["replayed"] += outcome.replayed
            self._observe("replayed" if outcome.replayed else outcome.state, 1)

    def _beat_if_due(self) -> None:
        if time.monotonic() - self._beaten_at >= _BEAT:
            self._give_up()
            self._beat()

    def _beat(self) -> None:
        """Write outcomes and figures, and that this worker lives; learn whether it is still its
        job.
        """
        outcomes, self._outcomes = self._outcomes, []
        self._measure()
        with self._sessions.begin() as session:
            marked = job_items.mark(session, outcomes)
            until = self._now() + self._pace.lease
            figures = _sum(self._start, self._counted, marked)
            ours = job_lease.beat(session, self._job_id, self._owner, until, figures, self._speed)
        self._count(marked)
        self._ours = self._ours and ours

    def _measure(self) -> None:
        now, rows = time.monotonic(), self._rows
        if (seconds := now - self._beaten_at) < _BEAT:
            return
        speed = (rows - self._rows_then) / seconds
        before = self._speed
        self._speed = speed if before is None else before + _NEWEST * (speed - before)
        self._beaten_at, self._rows_then = now, rows


def _sum(start: Tally, counted: Counter[str], marked: list[Outcome]) -> Tally:
    """The figures with those just marked."""

    def grown(name: str, now: int) -> int:
        return int(getattr(start, name)) + counted[name] + now

    return Tally(
        start.total,
        grown("done", sum(o.state == job_items.DONE for o in marked)),
        grown("failed", sum(o.state == job_items.FAILED for o in marked)),
        grown("review", sum(o.review for o in marked)),
        grown("replayed", sum(o.replayed for o in marked)),
    )
