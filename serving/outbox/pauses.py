"""Which departments are left alone for a while, because nobody there answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from serving.outbox.sender import Outcome

log = logging.getLogger(__name__)

PATIENCE: Final = 5
"""Failures in a row, of any messages, after which a department is left alone."""

_FIRST: Final = timedelta(seconds=5)
_LONGEST: Final = timedelta(minutes=5)
# Asked to wait, or asked too slowly: the receiver itself is in trouble.
_BUSY: Final = frozenset({408, 429})


@dataclass(slots=True)
class _Standing:
    failures: int = 0
    until: datetime | None = None


class Pauses:
    """Counts what fails for want of a receiver, department by department.

    A receiver that is down would have every message that waits for it tried in vain, and in the
    end given up. Instead, after `PATIENCE` failures in a row, nothing is sent there for 5 seconds,
    twice as long after each further failure, 5 minutes at most; then one message is sent, and when
    it arrives, all others. An hour of outage thus costs one or two dozen attempts, however many
    wait. A receiver that refuses a message (400) is not down. `draw` is random in [0, 1).
    """

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._standings: dict[str, _Standing] = {}

    def room(self, department: str, free: int, busy: int, now: datetime) -> int:
        """How many of `free` messages may be sent now, while `busy` are on their way."""
        standing = self._standings.get(department)
        if standing is None or standing.until is None:
            return free
        if now < standing.until or busy:
            return 0
        return min(1, free)

    def told(self, department: str, outcome: Outcome, now: datetime) -> None:
        """What came of a message."""
        if not _down(outcome):
            if (before := self._standings.pop(department, None)) and before.until:
                log.info("%s answers again", department)
            return
        standing = self._standings.setdefault(department, _Standing())
        standing.failures += 1
        more = standing.failures - PATIENCE
        if more < 0:
            return
        if standing.until is None:
            log.warning("%s is left alone for a while: %s", department, outcome.error)
        longest: timedelta = min(_LONGEST, _FIRST * 2 ** min(more, 20))
        # Not all processes at the same moment.
        standing.until = now + longest * (0.5 + 0.5 * self._draw())


def _down(outcome: Outcome) -> bool:
    if outcome.error is None:
        return False
    return outcome.status is None or outcome.status >= 500 or outcome.status in _BUSY
