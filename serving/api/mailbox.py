"""Calls from other threads to the event loop, those of one moment together.

The thread that commits answers a whole group at once. To wake the loop for each of them is to have
both threads fight for the interpreter while the rest still waits to be told.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

_Call = Callable[[], None]
_here = threading.local()


class Mailbox:
    """What a loop is to call; it is woken for the first, and finds the others."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: deque[_Call] = deque()
        self._rung = False

    def put(self, call: _Call) -> None:
        """Have the loop call something that does not raise. Safe in any thread."""
        self._waiting.append(call)
        if not self._rung:
            self._rung = True
            # A loop that is closed has nobody left who waits.
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._read)

    def _read(self) -> None:
        # Before the first is taken: what is put after the last was taken must ring again.
        self._rung = False
        while self._waiting:
            self._waiting.popleft()()


def mailbox() -> Mailbox:
    """Those of the loop that runs in this thread."""
    loop = asyncio.get_running_loop()
    found: Mailbox | None = getattr(_here, "mailbox", None)
    if found is None or found.loop is not loop:
        found = _here.mailbox = Mailbox(loop)
    return found
