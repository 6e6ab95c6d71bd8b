"""Which complaints may have been here before, so that only those are looked up."""

from __future__ import annotations

import threading
from typing import Final

from serving.store.entry import Entry

_REMEMBERED: Final = 20_000


class Repeats:
    """The keys and ids of the last complaints that came to this process. Safe to share.

    Almost none comes twice, and to ask the database for each takes a third of a millisecond. One
    that came long ago, to another process or before a restart passes for new: it is decided once
    more for nothing, and the transaction that would save it finds the first answer.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._half = remembered // 2
        self._lock = threading.Lock()
        self._new: set[int] = set()
        self._old: set[int] = set()

    def met(self, entry: Entry) -> bool:
        """Whether its key or id came lately; from now on it did."""
        # Two that share a hash only make for a look too many.
        names = {hash(name) for name in (entry.key, entry.identity) if name is not None}
        with self._lock:
            known = not (names.isdisjoint(self._new) and names.isdisjoint(self._old))
            if len(self._new) >= self._half:
                self._old, self._new = self._new, set()
            self._new |= names
        return known
