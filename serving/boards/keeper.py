"""A thread that keeps the boards ready: reads the facts once at start, then what changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from serving.boards.live import Live
from serving.boards.recount import Recounts
from serving.engine.garbage import give_back

log = logging.getLogger("suda.boards")

# Changes are counted at most so often, and never for more than a quarter of the time: while nobody
# looks, of any moment, since complaints are decided beside it.
_EVERY: Final = 2.0
_REST: Final = 3.0
# While nobody looks, and until so many cases came that nobody looked at: facts stay in memory, and
# a flood must not fill it for boards that nobody opens. Whoever comes then waits a moment.
_IDLE_AFTER: Final = 600.0
_IDLE: Final = 30.0
_UNSEEN: Final = 5_000
# Reading so many leaves much freed memory with the allocator.
_READ: Final = 1_000


class _StoppedError(Exception):
    """The service stops."""


class Keeper:
    """Renews `live`, and `recounts` after it, until stopped; tells `on_read` of the first time."""

    def __init__(
        self,
        live: Live,
        recounts: Recounts,
        *,
        every: float = _EVERY,
        timer: Callable[[], float] = time.monotonic,
        on_read: Callable[[], None] = lambda: None,
    ) -> None:
        self._live, self._recounts = live, recounts
        self._every, self._timer, self._on_read = every, timer, on_read
        self._stopped, self._asked = threading.Event(), threading.Event()
        # When the present piece of a reading was begun.
        self._piece = 0.0
        # Nobody has looked yet: once everything is read, that is soon enough.
        self._last = timer() - _IDLE_AFTER
        # How many cases there were when nobody looked any more, and when memory was given back.
        self._seen: int | None = None
        self._trimmed = 0
        self._thread = threading.Thread(target=self._run, name="suda-boards", daemon=True)

    def asked(self) -> None:
        """Somebody looks: changes are followed closely for a while."""
        self._last, self._seen = self._timer(), None
        self._asked.set()

    def start(self) -> None:
        """Begin; the first thing is to read everything."""
        self._live.tended, self._live.between = True, self._go_on
        self._thread.start()

    def stop(self) -> None:
        """End, after what is being counted."""
        self._stopped.set()
        self._asked.set()
        self._thread.join()
        self._live.tended = False

    def turn(self) -> None:
        """Bring everything up to date once; a database that does not answer is tried again."""
        self._piece = self._timer()
        try:
            self._live.board(fresh=True)
            self._live.complete()
            self._recounts.renew()
            self._on_read()
            self._on_read = lambda: None
            self._tidy(self._live.size)
        except SQLAlchemyError as error:
            # Statements may quote a customer.
            log.warning("boards were not renewed: %s", type(error).__name__)

    def _tidy(self, size: int) -> None:
        if abs(size - self._trimmed) >= _READ:
            give_back()
            self._trimmed = size

    def _rest(self) -> None:
        """Sleep while nobody looks, after many unseen cases until somebody does."""
        self._asked.clear()
        # Whoever looks sets the time before the event, so that no look is missed.
        if self._stopped.is_set() or self._looked_at():
            return
        if self._seen is None:
            self._seen = self._live.size
        self._asked.wait(_IDLE if self._live.size - self._seen < _UNSEEN else None)

    def _looked_at(self) -> bool:
        return self._timer() - self._last < _IDLE_AFTER

    def _go_on(self) -> None:
        """Between two pieces of a reading: of somebody else's, who waits for it, go on at once."""
        if threading.current_thread() is not self._thread:
            return
        if not self._looked_at():
            self._asked.wait(_REST * (self._timer() - self._piece))
        if self._stopped.is_set():
            raise _StoppedError
        self._piece = self._timer()

    def _run(self) -> None:
        while not self._stopped.is_set():
            begun = self._timer()
            try:
                self.turn()
            except _StoppedError:
                return
            except Exception:
                log.exception("boards were not renewed")
            took = self._timer() - begun
            self._stopped.wait(max(self._every, _REST * took))
            self._rest()


@contextmanager
def keeping(keeper: Keeper) -> Iterator[None]:
    """A keeper at work in the meantime."""
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
