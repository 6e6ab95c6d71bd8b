"""Where a text's time went."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

# In the order a text passes them: waiting for a thread; fields checked, an earlier answer looked
# for; text normalised, tokens and model; rules, routing, deadlines and the answer as JSON; waiting
# for the transaction and its commit.
PHASES = ("queue", "prepare", "infer", "decide", "commit")


class Lap(Protocol):
    """Who is told of phases as they end: see `Laps.lap`."""

    def __call__(self, phase: str, ahead: float = 0.0) -> None:
        """A phase ended."""
        ...


@dataclass(slots=True)
class Laps:
    """Seconds by phase; each lap is the time since the one before."""

    clock: Callable[[], float] = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(default=0.0)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def lap(self, phase: str, ahead: float = 0.0) -> None:
        """What happened since the last lap was `phase`, but for so many seconds of the next."""
        now = max(self._last, self.clock() - ahead)
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now


def unmeasured(phase: str, ahead: float = 0.0) -> None:
    """The Lap of those whom nobody measures."""


def server_timing(laps: list[Laps]) -> str:
    """A `Server-Timing` header, in milliseconds: of several texts, the longest of each phase."""
    longest = {
        phase: max((lap.seconds.get(phase, 0.0) for lap in laps), default=0.0) for phase in PHASES
    }
    return ", ".join(f"{phase};dur={seconds * 1000:.2f}" for phase, seconds in longest.items())
