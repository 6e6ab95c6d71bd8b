"""When to ask again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may be answered."""


@dataclass(frozen=True)
class Retry:
    """At most `attempts` times within `patience` seconds of waiting in all.

    Without `Retry-After` the wait is drawn from nothing to `first` seconds, doubled each time up to
    `longest` (full jitter: callers refused together do not come back together).
    """

    attempts: int = 5
    patience: float = 30.0
    first: float = 0.2
    longest: float = 5.0
    draw: Callable[[], float] = random.random

    def wait(self, tried: int, waited: float, asked: float | None = None) -> float | None:
        """Seconds until the next attempt after `tried` of them; None to give up.

        `asked` is the service's `Retry-After`; a little is added, drawn, so as not to come in step.
        """
        if tried >= self.attempts:
            return None
        upper = min(self.longest, self.first * 2.0 ** (tried - 1))
        seconds = self.draw() * upper + (asked or 0.0)
        return seconds if waited + seconds <= self.patience else None


NEVER = Retry(attempts=1)
