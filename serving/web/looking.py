"""A user's look at the facts: narrowed to what is theirs, and to what the page's filters say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import Request

from serving.api.state import State
from serving.boards.axes import axes_of
from serving.boards.facts import NONE
from serving.boards.filter import CaseFilter, parse
from serving.boards.live import shared
from serving.boards.view import View
from serving.security.roles import User

T = TypeVar("T")

# Axes that the boards' bar of filters offers, with the level of the tree they are offered at.
OFFERED = (("product", 1), ("lead", 0), ("branch", 0), ("source", 0), ("segment", 0))


def look(
    state: State, app_state: Any, wanted: CaseFilter, *, fresh: bool = False,
    clock: Callable[[], datetime] | None = None,
) -> View:  # fmt: skip
    """The facts as they are, narrowed to `wanted`. Reads the store: call it off the event loop."""
    clock = clock or (lambda: datetime.now(UTC))
    pipeline, now = state.intake.pipeline, clock()
    live = shared(app_state, state.intake.store.session, clock)
    policy = pipeline.policies.at(now)
    axes = axes_of(pipeline.taxonomy, policy)
    return View(
        live.board(fresh=fresh), axes, policy.clocks.zone, now.replace(microsecond=0), wanted
    )


def theirs(user: User, wanted: CaseFilter) -> CaseFilter:
    """What a user may see of it: a branch's or a department's people see their own."""
    if user.branch is not None:
        wanted = wanted.plus(branch=user.branch)
    if user.department is not None:
        wanted = wanted.plus(lead=user.department)
    return wanted


async def seen(
    request: Request, state: State, user: User, work: Callable[[View], T], *, fresh: bool = False
) -> tuple[View, T]:
    """The look that the request's query asks for, and what `work` makes of it, off the loop."""
    zone = state.intake.pipeline.policies.zone
    wanted = theirs(user, parse(request.query_params.multi_items(), zone))

    def done() -> tuple[View, T]:
        view = look(state, request.app.state, wanted, fresh=fresh)
        return view, work(view)

    return await state.run(done)


def options(view: View) -> list[dict[str, Any]]:
    """What the bar of filters offers: the codes of each axis that any complaint has."""
    return view.board.once("options", lambda: list(_options(view)))


def _options(view: View) -> Any:
    for name, level in OFFERED:
        if name not in view.axes:
            continue
        axis = view.axes[name]
        codes = view.ordered(name, view.column(name, level).counts())
        yield {
            "name": name,
            "title": axis.title,
            "codes": [(code, axis.label(code)) for code in codes if code != NONE or level == 0],
        }


def chosen(view: View) -> dict[str, str]:
    """What the bar of filters shows as chosen."""
    return {name: ",".join(codes) for name, codes in view.base.codes.items()}
