"""Do what the registry says, wherever it was said: on this machine, by a command, by a replica."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from data.errors import RegistryError, SudaError
from serving.models.lineup import Lineup, Trial, Wanted
from serving.models.orders import Order, end_canary
from serving.models.switchboard import Switchboard
from serving.models.tally import Limits, worse

log = logging.getLogger("suda.models")

SUDA = "suda"
# A version that was not let in is tried again after so many seconds: a disk may have been full.
AGAIN = 60.0
_Stamp = tuple[int, int, int]


class Follower:
    """Looks at the registry's log, and at how the canary does. `clock` gives seconds."""

    def __init__(self, board: Switchboard, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._seen: _Stamp | None = None
        self._again: float | None = None
        self._told: str | None = None

    def turn(self) -> None:
        """One look at everything."""
        self.judge()
        self.follow()
        self._board.record.settle()
        self._board.tidy()

    def follow(self) -> None:
        """Take over what the registry says where it has changed since the last look.

        Raises nothing: what fails is counted, recorded once, and tried again later.
        """
        board = self._board
        if board.pinned or not self._due(stamp := self._stamp()):
            return
        try:
            with board.changing():
                complete = self._adopt(Wanted.of(board.registry.state()))
        except SudaError as error:
            complete = self._failed(error)
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            complete = self._failed(RegistryError(message, field=str(board.registry.path)))
        self._seen = stamp
        self._again = None if complete else self._clock() + AGAIN
        if complete and self._told is not None:
            self._told = board.fault = None

    def judge(self) -> None:
        """End the canary where it does clearly worse than the champion."""
        board = self._board
        trial = board.lineup.trial
        if trial is None or not board.settings.canary_watch:
            return
        limits = Limits(board.settings.canary_margin, board.settings.canary_min_n)
        champion = board.lineup.champion.version
        version = trial.served.version
        reason = worse(board.tally.side(version), board.tally.side(champion), limits)
        if reason is None:
            return
        log.error("the canary %s ends: %s", version, reason)
        board.metrics.canaries_ended.inc()
        try:
            end_canary(board, Order(SUDA, reason), "model.canary_failed")
        except SudaError as error:
            log.error("the registry does not know that the canary has ended: %s", error)

    def _adopt(self, wanted: Wanted) -> bool:
        """Whether all that is wanted is in place now."""
        steps = (self._champion, self._trial, self._shadow)
        done = [self._tried(step, wanted) for step in steps]
        return all(done)

    def _tried(self, step: Callable[[Wanted, Lineup], Lineup], wanted: Wanted) -> bool:
        lineup = self._board.lineup
        try:
            following = step(wanted, lineup)
        except SudaError as error:
            return self._failed(error)
        if following != lineup:
            self._board.place(following)
        return True

    def _champion(self, wanted: Wanted, lineup: Lineup) -> Lineup:
        # No champion means that there never was one, or that the registry is gone: then too what
        # serves goes on.
        if wanted.champion is None or wanted.champion == lineup.champion.version:
            return lineup
        return Lineup(self._board.fetch(wanted.champion), shadow=lineup.shadow)

    def _trial(self, wanted: Wanted, lineup: Lineup) -> Lineup:
        if wanted.canary is None or wanted.canary_number in self._board.ended:
            return replace(lineup, trial=None)
        if lineup.trial and lineup.trial.number == wanted.canary_number:
            return lineup
        if wanted.champion != lineup.champion.version:
            # It is to be compared with a champion that was not let in.
            return replace(lineup, trial=None)
        if lineup.trial is not None:
            # Another one: the old one ends whether the new one can be let in or not.
            lineup = replace(lineup, trial=None)
            self._board.place(lineup)
        served = self._board.fetch(wanted.canary)
        return replace(lineup, trial=Trial(served, wanted.share, wanted.canary_number))

    def _shadow(self, wanted: Wanted, lineup: Lineup) -> Lineup:
        if wanted.shadow == (lineup.shadow.version if lineup.shadow else None):
            return lineup
        shadow = self._board.fetch(wanted.shadow) if wanted.shadow else None
        return replace(lineup, shadow=shadow)

    def _failed(self, error: SudaError) -> bool:
        """False. The same failure is told once."""
        if str(error) != self._told:
            self._told = str(error)
            self._board.refuse(SUDA, error)
        return False

    def _due(self, stamp: _Stamp | None) -> bool:
        return stamp != self._seen or (self._again is not None and self._clock() >= self._again)

    def _stamp(self) -> _Stamp | None:
        """What changes whenever the log does; None where there is none."""
        try:
            found = self._board.registry.log.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
