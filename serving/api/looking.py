"""How a running application looks at its facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from serving.api.state import State
from serving.boards.axes import axes_of
from serving.boards.filter import CaseFilter
from serving.boards.live import shared
from serving.boards.view import View


def _now() -> datetime:
    return datetime.now(UTC)


def look(state: State, holder: Any, wanted: CaseFilter, *, fresh: bool = False) -> View:
    """The facts as they are, narrowed to `wanted`. Reads the store: call it off the event loop.

    `holder` keeps the facts between two looks, and may carry a `clock` of its own.
    """
    clock = getattr(holder, "clock", _now)
    pipeline, now = state.intake.pipeline, clock()
    live = shared(holder, state.intake.store.session, clock)
    policy = pipeline.policies.at(now)
    axes = axes_of(pipeline.taxonomy, policy)
    board = live.board(fresh=fresh)
    return View(board, axes, policy.clocks.zone, now.replace(microsecond=0), wanted)
