"""How a running application looks at its facts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from serving.api.state import State
from serving.boards.axes import axes_of
from serving.boards.filter import CaseFilter
from serving.boards.keeper import Keeper, keeping
from serving.boards.live import shared
from serving.boards.recount import Recounts
from serving.boards.view import View
from serving.engine.garbage import settle

T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


def look(
    state: State, holder: Any, wanted: CaseFilter, *, fresh: bool = False, wait: bool = True
) -> View:
    """The facts as they are, narrowed to `wanted`. Reads the store: call it off the event loop.

    Raises GatheringError where they are being read for the first time, and not `wait`. `holder`
    keeps the facts between two looks, and may carry a `clock` of its own.
    """
    _asked(holder)
    return _look(state, holder, wanted, fresh=fresh, wait=wait)


def counted(
    state: State, holder: Any, wanted: CaseFilter, key: Hashable, work: Callable[[View], T]
) -> tuple[View, T]:
    """What `work` makes of the facts narrowed to `wanted`, kept ready under `key`.

    The look that comes with it has a clock and names, but no facts. Call it off the event loop.
    Raises GatheringError where they are being read for the first time.
    """
    _asked(holder)
    return _recounts(holder).get(
        (key, wanted.query()), lambda: _look(state, holder, wanted, wait=False), work
    )


@contextmanager
def watching(state: State, holder: Any) -> Iterator[None]:
    """Keep the facts up to date in the meantime, off every request."""
    clock = getattr(holder, "clock", _now)
    live = shared(holder, state.intake.store.session, clock)
    holder.keeper = Keeper(live, _recounts(holder), on_read=settle)
    with keeping(holder.keeper):
        yield


def _look(
    state: State, holder: Any, wanted: CaseFilter, *, fresh: bool = False, wait: bool = True
) -> View:
    clock = getattr(holder, "clock", _now)
    pipeline, now = state.intake.pipeline, clock()
    live = shared(holder, state.intake.store.session, clock)
    policy = pipeline.policies.at(now)
    axes = axes_of(pipeline.taxonomy, policy)
    board = live.board(fresh=fresh, wait=wait)
    return View(board, axes, policy.clocks.zone, now.replace(microsecond=0), wanted)


def _recounts(holder: Any) -> Recounts:
    found: Recounts | None = getattr(holder, "recounts", None)
    if found is None:
        holder.recounts = found = Recounts(getattr(holder, "clock", _now))
    return found


def _asked(holder: Any) -> None:
    keeper: Keeper | None = getattr(holder, "keeper", None)
    if keeper is not None:
        keeper.asked()
