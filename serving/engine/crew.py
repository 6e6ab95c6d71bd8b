"""Threads that do one kind of work, watched and replaced when they die or hang."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

# Longest wait for work before a thread shows again that it is alive, in seconds.
IDLE = 0.5


@dataclass(slots=True, eq=False)
class _Member:
    """One thread; `beat` is when it last showed a sign of life."""

    beat: float
    thread: threading.Thread | None = None
    retired: bool = False

    def fresh(self, now: float, stuck_after: float) -> bool:
        alive = self.thread is not None and self.thread.is_alive()
        return alive and now - self.beat < stuck_after


class Crew:
    """`size` threads that call `step` over and over.

    `step(timeout)` waits up to `timeout` seconds for work, does one piece of it, and says whether
    there was any; `wake` makes steps that wait return. A thread that a step kills, or that hangs
    in one, is replaced by `tend`.
    """

    def __init__(
        self,
        name: str,
        size: int,
        step: Callable[[float], bool],
        *,
        wake: Callable[[], None] = lambda: None,
        stuck_after: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._size = size
        self._step = step
        self._wake = wake
        self._stuck_after = stuck_after
        self._clock = clock
        self._lock = threading.Lock()
        self._closing = False
        self._members: list[_Member] = []
        self._abandoned: list[_Member] = []

    def start(self) -> None:
        """Start the threads."""
        with self._lock:
            self._members = [self._begin() for _ in range(self._size)]

    @property
    def size(self) -> int:
        """How many threads there should be."""
        return self._size

    def healthy(self) -> int:
        """How many threads are alive and have lately shown it."""
        now = self._clock()
        with self._lock:
            return sum(member.fresh(now, self._stuck_after) for member in self._members)

    def tend(self) -> int:
        """Replace dead and stuck threads; returns how many.

        A stuck thread cannot be ended from outside: it ends itself when its step returns. Not
        more of them than the crew is large are left behind, or a poison that hangs every thread
        would fill the memory with them; the crew then stays short, and the service not ready.
        """
        now = self._clock()
        replaced = 0
        with self._lock:
            if self._closing:
                return 0
            self._abandoned = [m for m in self._abandoned if m.thread and m.thread.is_alive()]
            for position, member in enumerate(self._members):
                if member.fresh(now, self._stuck_after):
                    continue
                if member.thread is not None and member.thread.is_alive():
                    if len(self._abandoned) >= self._size:
                        continue
                    member.retired = True
                    self._abandoned.append(member)
                self._members[position] = self._begin()
                replaced += 1
        if replaced:
            log.error("replaced %d dead or stuck threads of %s", replaced, self._name)
        return replaced

    def close(self, timeout: float) -> bool:
        """Let the threads finish what is waiting, then end; False if some did not in time."""
        until = self._clock() + timeout
        with self._lock:
            self._closing = True
            threads = [member.thread for member in self._members if member.thread is not None]
        self._wake()
        for thread in threads:
            thread.join(max(0.0, until - self._clock()))
        return not any(thread.is_alive() for thread in threads)

    def _begin(self) -> _Member:
        member = _Member(beat=self._clock())
        # A stuck thread must not keep the process from ending.
        member.thread = threading.Thread(
            target=self._work, args=(member,), name=f"suda-{self._name}", daemon=True
        )
        member.thread.start()
        return member

    def _work(self, member: _Member) -> None:
        try:
            while not member.retired:
                member.beat = self._clock()
                worked = self._step(0.0 if self._closing else IDLE)
                if self._closing and not worked:
                    return
        except BaseException as error:  # noqa: BLE001 - said, and the thread is replaced
            # Without the error's own words: they may quote the customer.
            log.error("a thread of %s died of %s", self._name, type(error).__name__)
