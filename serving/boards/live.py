"""The facts of a running service: read once, then kept up to date by what changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, sessionmaker

from serving.boards.epoch import NEVER
from serving.boards.errors import GatheringError
from serving.boards.facts import Facts
from serving.boards.judged import Judged, appended, claimed, no_judgements, read_judged
from serving.boards.merging import replaced
from serving.boards.reading import read, read_ids
from serving.store.rows.cases import CaseRow

T = TypeVar("T")

# A change is committed at most so long after the time written into it (statements are cut off
# after 15 s), and clocks of several hosts differ by less.
_OVERLAP: Final = timedelta(seconds=60)
# How often the sums are compared, which a change with a time of long ago would upset.
_COMPARED: Final = timedelta(seconds=60)
# So many changed cases are cheaper to read anew than one by one.
_MANY: Final = 20_000
SMALL: Final = 5_000
"""Of so few cases everything is counted anew at each look."""
_REMEMBERED: Final = 256
# A small store is read within so many seconds: rather wait than say that it is not.
_PATIENCE: Final = 0.5
_REVIEW: Final = ("waiting", "done")


@dataclass(frozen=True, eq=False)
class Board:
    """All that boards show, as of one moment; `kept` holds what was worked out of it."""

    facts: Facts
    judged: Judged
    as_of: datetime
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work` gives, worked out once for this state of things."""
        if key not in self.kept:
            if len(self.kept) >= _REMEMBERED:
                self.kept.clear()
            self.kept[key] = work()
        found: T = self.kept[key]
        return found


class Live:
    """Safe to share between threads: one reads, the others wait for it or take what there is."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        clock: Callable[[], datetime],
        *,
        every: timedelta = timedelta(seconds=1),
        kept: timedelta = timedelta(seconds=60),
    ) -> None:
        """Where somebody renews it all the time (`tended`), a look takes what there is unless it
        is older than `kept`. `between` is called between two pieces of a long reading.
        """
        self._sessions = sessions
        self._clock = clock
        self._every, self._kept = every, kept
        self.tended = False
        self.between: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._renewal = threading.Condition()
        self._board: Board | None = None
        self._seen: dict[str, datetime] = {}
        self._compared: datetime | None = None

    def board(self, *, fresh: bool = False, wait: bool = True) -> Board:
        """How things are; at most `every` old, and not even that where `fresh`.

        Raises GatheringError where somebody reads very much just now, and not `wait`.
        """
        if self.tended and not wait and not self._soon():
            raise GatheringError
        standing = self._board
        if standing is not None and not fresh:
            if self._clock() - standing.as_of < self._allowed(standing):
                return standing
            if not self._lock.acquire(blocking=False):
                return standing
        else:
            self._lock.acquire()
        try:
            renewed = self._board = self._renewed(self._board)
        finally:
            self._lock.release()
        with self._renewal:
            self._renewal.notify_all()
        return renewed

    @property
    def size(self) -> int:
        """How many cases are held."""
        return len(self._board.facts) if self._board is not None else 0

    def _soon(self) -> bool:
        """Whether there is something to show, or shortly was: read by whoever tends to it."""
        with self._renewal:
            return self._renewal.wait_for(self._presentable, _PATIENCE)

    def _presentable(self) -> bool:
        standing = self._board
        if standing is None:
            return False
        few = len(standing.facts) <= SMALL
        return few or self._clock() - standing.as_of < self._kept

    def complete(self) -> None:
        """Look up what a first reading left for later: how sure the model was."""
        board = self._board
        if board is None or board.judged.claims is not None:
            return
        with self._sessions() as session:
            claims = claimed(session, board.judged, between=self.between)
            with self._lock:
                # Records may have come since; they stand behind those that were there.
                newest = self._board or board
                late = claimed(session, newest.judged, len(claims))
                judged = replace(newest.judged, claims=np.concatenate([claims, late]))
                self._board = replace(newest, judged=judged, kept={})

    def _allowed(self, standing: Board) -> timedelta:
        if not self.tended:
            return self._every
        return self._kept if len(standing.facts) > SMALL else timedelta(0)

    def _renewed(self, board: Board | None) -> Board:
        now = self._clock()
        with self._sessions() as session:
            facts = self._facts(session, board)
            judged = board.judged if board else no_judgements()
            # Nobody waits for a first reading longer than it takes to show most boards.
            claims = judged.claims is not None and not (self.tended and board is None)
            judged = appended(judged, read_judged(session, judged.last, claims=claims))
        unchanged = board is not None and facts is board.facts and judged is board.judged
        # What depends on the clock keys on it; all else still holds while nothing changed.
        return Board(facts, judged, now, board.kept if unchanged and board else {})

    def _facts(self, session: Session, board: Board | None) -> Facts:
        if board is None:
            self._seen = self._changed(session, self._newest(session))
            return read(session, between=self.between)
        changed = self._changed(session, self._newest(session, board.as_of))
        new = [id_ for id_, at in changed.items() if self._seen.get(id_) != at]
        if len(new) > _MANY:
            facts = read(session, between=self.between)
        else:
            facts = board.facts
            if new:
                facts = replaced(facts, read_ids(session, new, between=self.between))
        self._seen = changed
        agrees = self._agrees(session, facts)
        return facts if agrees else read(session, between=self.between)

    def _agrees(self, session: Session, facts: Facts) -> bool:
        """Whether sums over the table are those of the columns; asked from time to time only."""
        now = self._clock()
        lately = self._compared is not None and now - self._compared < _COMPARED
        if lately and len(facts) > SMALL:
            return True
        self._compared = now
        row = session.execute(
            select(
                func.count(),
                func.count(CaseRow.accepted_at),
                func.count(CaseRow.resolved_at),
                func.count(CaseRow.satisfaction),
                func.coalesce(func.sum(CaseRow.bounces), 0),
                *(func.count(case((CaseRow.review == state, 1))) for state in _REVIEW),
            ).select_from(CaseRow)
        ).one()
        ours = (
            len(facts),
            int((facts.accepted != NEVER).sum()),
            int((facts.resolved != NEVER).sum()),
            int((facts["satisfaction"].values >= 0).sum()),
            int(facts.bounces.sum()),
            *(facts["review"].counts().get(state, 0) for state in _REVIEW),
        )
        return tuple(row) == ours

    def _newest(self, session: Session, before: datetime | None = None) -> datetime | None:
        newest = session.scalar(select(func.max(CaseRow.updated_at)))
        return newest if before is None or newest is None else min(newest, before)

    def _changed(self, session: Session, since: datetime | None) -> dict[str, datetime]:
        if since is None:
            return {}
        query = select(CaseRow.complaint_id, CaseRow.updated_at)
        query = query.where(CaseRow.updated_at >= since - _OVERLAP)
        return dict(session.execute(query).all())


def still(facts: Facts, judged: Judged, as_of: datetime) -> Board:
    """A board that does not move, for a report out of a command."""
    return Board(facts, judged, as_of)


def shared(holder: Any, sessions: sessionmaker[Session], clock: Callable[[], datetime]) -> Live:
    """The one that a running application keeps on `holder`; made when it is first asked for."""
    found: Live | None = getattr(holder, "live", None)
    if found is None:
        # Two requests at once: the second one's is dropped before it read anything.
        holder.live = found = Live(sessions, clock)
    return found
