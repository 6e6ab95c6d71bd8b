"""Do something every so often, on a thread of its own, until told to stop."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from serving.telemetry.logs import trail

log = logging.getLogger("suda.ticker")


class Ticker:
    """Calls `work` every `seconds`; what it raises is logged, and the next turn comes.

    `begin` is called on the thread, once, before the first turn.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        work: Callable[[], object],
        *,
        begin: Callable[[], object] = lambda: None,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._work = work
        self._begin = begin
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"suda-{name}", daemon=True)

    def start(self) -> None:
        """The first turn comes after `seconds`."""
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """No further turn; waits for the present one."""
        self.stopped.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        self._begin()
        while not self.stopped.wait(self._seconds):
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - said, and tried again in the next turn
                log.error("%s: %s", self._name, trail(error))


def give_way() -> None:
    """Let this thread have a processor only when no other thread wants it, where that is known."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
