"""How many texts a second the workers answer, measured."""

from __future__ import annotations

import threading

# Weight of the newest text: the mean follows some forty of them.
_WEIGHT = 0.05
# No text counts for less than this, or one trivial text would promise the moon.
_LEAST_SECONDS = 1e-5


class Capacity:
    """Texts a second over all workers: measured at the start, then followed under full load.

    `promised` is the share of a deadline in which texts are let in.
    """

    def __init__(self, workers: int, per_second: float, promised: float = 1.0) -> None:
        self._workers = workers
        self._promised = promised
        self._lock = threading.Lock()
        self._seconds = workers / max(per_second, 1e-3)

    @property
    def per_second(self) -> float:
        """Texts a second that the workers answer together."""
        return self._workers / self._seconds

    def reset(self, per_second: float) -> None:
        """Begin anew with what was just measured."""
        with self._lock:
            self._seconds = self._workers / max(per_second, 1e-3)

    def observe(self, seconds: float, *, all_busy: bool) -> None:
        """One text took `seconds` in its worker.

        It counts only if all workers were busy the while: alone, a text runs faster than it would
        among others.
        """
        if not all_busy:
            return
        with self._lock:
            self._seconds += _WEIGHT * (max(seconds, _LEAST_SECONDS) - self._seconds)

    def limit(self, within: float) -> int:
        """Texts that can be begun within so many seconds; at least one for each worker, so that
        a capacity measured too low is found out.
        """
        return max(self._workers, int(self._promised * within * self.per_second))
