"""Boards that stand ready: counted when first asked for, then counted anew in the background."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

from serving.boards.facts import nothing
from serving.boards.judged import no_judgements
from serving.boards.live import SMALL, still
from serving.boards.view import View

T = TypeVar("T")

# What was asked for so lately is counted anew with every change, the rest now and then.
_WATCHED: Final = timedelta(minutes=5)
_SELDOM: Final = timedelta(seconds=30)
# Longer than that nobody came for it.
_FORGOTTEN: Final = timedelta(hours=12)
# An older one is not shown: it is counted in the request.
_OLDEST: Final = timedelta(seconds=90)
_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class _Entry:
    look: Callable[[], View]
    work: Callable[[View], Any]
    view: View
    result: Any
    # The board's own while nothing changes, another one as soon as anything does.
    state: object
    small: bool
    asked: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it may be shown."""
        return not self.small and now - self.view.board.as_of < _OLDEST


class Recounts:
    """The last results, by what they are about. Safe to share between threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(
        self, key: Hashable, look: Callable[[], View], work: Callable[[View], T]
    ) -> tuple[View, T]:
        """What `work` made of the look, with that look: its clock, its names, but no facts.

        At most 90 seconds old where somebody renews it, else made now.
        """
        now = self._clock()
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.holds(now):
                self._entries[key] = replace(entry, look=look, work=work, asked=now)
                self._entries.move_to_end(key)
                return entry.view, cast("T", entry.result)
        entry = _made(look, work, now)
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > _KEPT:
                self._entries.popitem(last=False)
        return entry.view, cast("T", entry.result)

    def renew(self) -> None:
        """Count anew what people look at, as far as anything changed or a minute has passed."""
        now = self._clock()
        with self._lock:
            old = [key for key, one in self._entries.items() if now - one.asked > _FORGOTTEN]
            for key in old:
                del self._entries[key]
            standing = list(self._entries.items())
        for key, entry in standing:
            seldom = now - entry.asked > _WATCHED
            if entry.small or (seldom and now - entry.view.board.as_of < _SELDOM):
                continue
            made = _made(entry.look, entry.work, entry.asked, entry)
            with self._lock:
                if key in self._entries:
                    self._entries[key] = replace(made, asked=self._entries[key].asked)


def _made(
    look: Callable[[], View], work: Callable[[View], Any], asked: datetime,
    before: _Entry | None = None,
) -> _Entry:  # fmt: skip
    view = look()
    board = view.board
    if before is not None and before.state is board.kept and _minute(before.view) == _minute(view):
        result, now = before.result, before.view.now
    else:
        result, now = work(view), view.now
    # Without the facts, or each result would keep those of its own moment in memory.
    slim = replace(view, now=now, board=still(nothing(), no_judgements(), board.as_of))
    return _Entry(look, work, slim, result, board.kept, len(board.facts) <= SMALL, asked)


def _minute(view: View) -> datetime:
    return view.now.replace(second=0)
