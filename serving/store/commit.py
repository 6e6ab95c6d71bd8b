"""Group commit: what waits is saved in one transaction, and each is answered once it is durable."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from math import inf
from typing import TypeAlias

from serving.engine.crew import Crew
from serving.store.entry import Entry, Saved

_Waiting: TypeAlias = tuple[Entry, "Future[Saved]"]


def paced(least: float, most: float, backlog: Callable[[], float]) -> Callable[[], float]:
    """An interval for `Committer`: half of `backlog`, the seconds that those in line will take,
    but from `least` to `most`, or `least` where that is longer.

    Processor time is worth the more the more wait for it, and a larger group saves it; who waited
    long waits a little longer (docs/decisions/0016).
    """
    return lambda: max(least, min(most, backlog() / 2))


class Committer:
    """Threads that take all entries that wait and save them together.

    While one transaction is on its way to the disk the next group gathers, so groups grow with the
    load. Most of what a transaction costs it costs once: a thread begins none within `interval()`
    seconds of the last that any began, so that after a pause an entry waits for nothing, and at
    any load not longer. The interval is asked for when a group's first entry comes.
    `save_group` is `Store.save_group`; `on_group` is told the size of each group.
    """

    def __init__(
        self,
        save_group: Callable[[Sequence[Entry]], list[Saved | Exception]],
        *,
        threads: int = 1,
        max_group: int = 256,
        interval: Callable[[], float] = lambda: 0.0,
        stuck_after: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        on_group: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._save_group = save_group
        self._max_group = max_group
        self._interval = interval
        self._last = -inf
        self._on_group = on_group
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._closing = False
        self.crew = Crew("commit", threads, self._step, wake=self._wake, stuck_after=stuck_after)

    def start(self) -> None:
        """Start the threads."""
        self.crew.start()

    def submit(self, entry: Entry) -> Future[Saved]:
        """Save `entry` with the next group; the future is done once it is durable, or failed."""
        future: Future[Saved] = Future()
        # It may no longer be cancelled: what was decided is saved, whoever waits for it.
        future.set_running_or_notify_cancel()
        with self._changed:
            self._waiting.append((entry, future))
            # Those between the first and the last of a group wake nobody: each time would take the
            # processor from a worker.
            if len(self._waiting) in (1, self._max_group):
                self._changed.notify_all()
        return future

    def save(self, entry: Entry) -> Saved:
        """Save with the next group and wait for it. Raises as Store.save does."""
        return self.submit(entry).result()

    def close(self, timeout: float) -> bool:
        """Save what is waiting, then stop; False if that took longer."""
        return self.crew.close(timeout)

    def _step(self, timeout: float) -> bool:
        group = self._take(timeout)
        if not group:
            return False
        self._on_group(len(group))
        try:
            results = self._save_group([entry for entry, _ in group])
        except Exception as error:  # noqa: BLE001 - answered, and the next group goes on
            results = [error] * len(group)
        except BaseException as error:
            for _, future in group:
                future.set_exception(error)
            raise
        for (_, future), result in zip(group, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        return True

    def _wake(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _take(self, timeout: float) -> list[_Waiting]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing, timeout)
            if not self._waiting:
                return []
            due = self._last + self._interval()
            self._changed.wait_for(self._complete, due - self._clock())
            # None, where another thread was quicker.
            size = min(len(self._waiting), self._max_group)
            group = [self._waiting.popleft() for _ in range(size)]
            if group:
                self._last = self._clock()
            return group

    def _complete(self) -> bool:
        return self._closing or len(self._waiting) >= self._max_group
