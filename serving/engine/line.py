"""The texts that wait, in the order of their deadlines."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

from serving.engine.ticket import Ticket


def _latest_first(ticket: Ticket[Any]) -> tuple[float, int]:
    """The list is kept the other way round, so that the next one is popped off its end."""
    deadline, number = ticket.place
    return -deadline, -number


class Line:
    """A queue by deadline. Among equal deadlines, first come, first served."""

    def __init__(self) -> None:
        self._waiting: list[Ticket[Any]] = []
        self._changed = threading.Condition(threading.Lock())
        self._closing = False

    def __len__(self) -> int:
        return len(self._waiting)

    def before(self, deadline: float) -> int:
        """How many wait that are due no later than `deadline`."""
        with self._changed:
            place = bisect_left(self._waiting, -deadline, key=lambda t: -t.deadline)
            return len(self._waiting) - place

    def put(self, tickets: Sequence[Ticket[Any]]) -> None:
        """Let tickets wait."""
        with self._changed:
            for ticket in tickets:
                insort(self._waiting, ticket, key=_latest_first)
            self._changed.notify(len(tickets))

    def take(self, timeout: float, *, among: int = 1, most: int = 1) -> list[Ticket[Any]]:
        """The ticket due first; none if none comes within `timeout` seconds.

        With it come those due next that may be done together with it: no more than a fair share of
        all that wait, `among` so many takers, and `most` in all.
        """
        until = time.monotonic() + timeout
        with self._changed:
            while not self._waiting:
                left = until - time.monotonic()
                if left <= 0 or self._closing:
                    return []
                self._changed.wait(left)
            share = min(most, -(-len(self._waiting) // among))
            taken = [self._waiting.pop()]
            while len(taken) < share and self._waiting[-1].joins(taken[0]):
                taken.append(self._waiting.pop())
            return taken

    def remove(self, ticket: Ticket[Any]) -> bool:
        """Take a ticket out of the line; False if it has left already."""
        with self._changed:
            place = bisect_left(self._waiting, _latest_first(ticket), key=_latest_first)
            if place < len(self._waiting) and self._waiting[place] is ticket:
                del self._waiting[place]
                return True
            return False

    def close(self) -> None:
        """From now on nobody waits for more."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def clear(self) -> list[Ticket[Any]]:
        """Empty the line; returns what waited."""
        with self._changed:
            waiting, self._waiting = self._waiting, []
            return waiting
