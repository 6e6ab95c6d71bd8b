"""A user's look at the facts: narrowed to what is theirs, and to what the page's filters say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request

from serving.api import looking
from serving.api.looking import look
from serving.api.state import State
from serving.boards.facts import NONE
from serving.boards.filter import CaseFilter, parse
from serving.boards.view import View
from serving.security.roles import User

T = TypeVar("T")

# Axes that the boards' bar of filters offers, with the level of the tree they are offered at.
OFFERED = (("product", 1), ("lead", 0), ("branch", 0), ("source", 0), ("segment", 0))


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
        view = look(state, request.app.state, wanted, fresh=fresh, wait=False)
        return view, work(view)

    return await state.run(done)


async def counted(
    request: Request, state: State, user: User, work: Callable[[View], T], *key: Any
) -> tuple[View, T]:
    """As `seen`, kept ready under `key`; the look that comes with it holds no facts any more."""
    zone = state.intake.pipeline.policies.zone
    wanted = theirs(user, parse(request.query_params.multi_items(), zone))
    return await state.run(lambda: looking.counted(state, request.app.state, wanted, key, work))


def options(view: View) -> list[dict[str, Any]]:
    """What the bar of filters offers: the codes of each axis that any complaint has. Reads all
    facts: part of the work that is kept ready.
    """
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
