"""A shorter way to an answer for complaints in which there is nothing to complain of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.errors import SudaError
from serving.api.problems import answer_of
from serving.api.schemas import ClassifyRequest
from serving.api.state import State
from serving.security.gate import Caller, check_scope
from serving.security.keys import Scope as KeyScope
from serving.settings import MAX_DEADLINE_MS

PATH: Final = "/v1/classify"
_PLAIN: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})
_LONGEST_KEY: Final = 200
_SCOPES: Final[frozenset[KeyScope]] = frozenset({"intake"})
# This one is held in memory before it is known to be in order.
_LONGEST_BODY: Final = 65_536

Endpoint = Callable[..., Awaitable[Response]]


@dataclass(frozen=True)
class _Route:
    """What the telemetry knows a request by."""

    path: str = PATH


ROUTE: Final = _Route()


class Quick:
    """ASGI middleware around routing: a complaint in order goes straight to its endpoint.

    The routers, dependencies and handlers of a request take longer than everything else around a
    complaint. Its body is parsed once and in native code. All other requests, and this one where
    anything about it needs a closer look, take FastAPI's own way, whose errors name the field.
    """

    def __init__(self, app: ASGIApp, endpoint: Endpoint) -> None:
        self._app = app
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on as it came."""
        given = _headers(scope)
        if given is None:
            await self._app(scope, receive, send)
            return
        messages, body = await _body(receive)
        complaint = _parsed(body)
        if complaint is None:
            await self._app(scope, _again(messages, receive), send)
            return
        scope["route"] = ROUTE
        http = Request(scope, receive)
        try:
            check_scope(given["caller"], _SCOPES)
            answer = await self._endpoint(request=complaint, http=http, **given)
        except (SudaError, SQLAlchemyError) as error:
            answer = answer_of(error)
        await answer(scope, receive, send)


def intake_of(scope: Scope) -> tuple[State, Caller] | None:
    """The running service and who asks it to decide a complaint; None for any other request."""
    if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
        return None
    state: State | None = getattr(scope["app"].state, "suda", None)
    # Set at the door, which lets nobody through to this path before there is a gate.
    caller = scope.get("state", {}).get("caller")
    return (state, caller) if state is not None and isinstance(caller, Caller) else None


def _headers(scope: Scope) -> dict[str, Any] | None:
    """What the endpoint is given beside the complaint; None for what takes the other way."""
    found = intake_of(scope)
    if found is None:
        return None
    state, caller = found
    headers: dict[bytes, bytes] = dict(scope["headers"])
    size = headers.get(b"content-length", b"")
    key, deadline = headers.get(b"idempotency-key"), headers.get(b"suda-deadline-ms")
    milliseconds = None if deadline is None else _milliseconds(deadline)
    in_order = (
        len(headers) == len(scope["headers"])
        and headers.get(b"content-type", b"").lower() in _PLAIN
        and size.isdigit()
        and len(size) < len(str(2**31))
        and int(size) <= min(_LONGEST_BODY, state.settings.max_body_bytes)
        and (key is None or 0 < len(key) <= _LONGEST_KEY)
        and (deadline is None or milliseconds is not None)
    )
    if not in_order:
        return None
    return {
        "state": state,
        "caller": caller,
        "gate": scope["app"].state.gate,
        "idempotency_key": None if key is None else key.decode("latin-1"),
        "deadline_ms": milliseconds,
    }


def _milliseconds(given: bytes) -> int | None:
    """None for what is not plainly a number in range."""
    if not (given.isdigit() and len(given) <= len(str(MAX_DEADLINE_MS))):
        return None
    value = int(given)
    return value if 1 <= value <= MAX_DEADLINE_MS else None


async def _body(receive: Receive) -> tuple[list[Message], bytes]:
    """The body and the messages it came in; empty where the caller left in the middle of it."""
    messages: list[Message] = []
    parts: list[bytes] = []
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            return messages, b""
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return messages, b"".join(parts)


def _parsed(body: bytes) -> ClassifyRequest | None:
    try:
        return ClassifyRequest.model_validate_json(body)
    except ValidationError:
        return None


def _again(messages: list[Message], receive: Receive) -> Receive:
    """The messages that were read, then what is yet to come."""
    left = iter(messages)

    async def received() -> Message:
        for message in left:
            return message
        return await receive()

    return received
