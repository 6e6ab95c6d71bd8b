"""Refuse what cannot be begun in time before anything is done for it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from data.errors import SudaError
from serving.api.problems import answer_of
from serving.api.quick import ROUTE, intake_of

_OWN_DEADLINE = b"suda-deadline-ms"


class Turnstile:
    """ASGI middleware behind the door: 429 for a complaint that the engine would not admit.

    Whoever sends three times as much as can be done is refused two times out of three. Were a
    refusal as dear as parsing, routing and raising make it, the refused would slow the admitted.
    The engine judges again when the complaint is parsed; a deadline of the caller's own is left to
    it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        error = _refusal(scope)
        if error is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = ROUTE
        await answer_of(error)(scope, receive, send)


def _refusal(scope: Scope) -> SudaError | None:
    found = intake_of(scope)
    if found is None:
        return None
    state, caller = found
    if "intake" not in caller.scopes or any(name == _OWN_DEADLINE for name, _ in scope["headers"]):
        return None
    return state.engine.refusal(1, within=state.settings.deadline_ms / 1000)
