"""Ask, wait, ask again: written once, driven by the sync and the async client alike."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from suda_client.calls import Call
from suda_client.errors import UnexpectedAnswerError, UnreachableError, error_of, retry_after
from suda_client.retry import AGAIN, NEVER, Retry

T = TypeVar("T")


@dataclass(frozen=True)
class Send:
    """The driver is to send this; it gives back the response or the transport's error."""

    call: Call[Any]


@dataclass(frozen=True)
class Wait:
    """The driver is to wait so many seconds."""

    seconds: float


Step = Send | Wait
Got = httpx.Response | httpx.TransportError | None
Exchange = Generator[Step, Got, T]


def exchange(call: Call[T], retry: Retry) -> Exchange[T]:
    """Steps until there is an answer. Raises RefusedError or UnreachableError."""
    policy = retry if call.repeatable else NEVER
    tried, waited = 0, 0.0
    while True:
        got = yield Send(call)
        tried += 1
        if isinstance(got, httpx.Response) and got.is_success:
            return _read(call, got)
        asked = retry_after(got) if isinstance(got, httpx.Response) else None
        seconds = policy.wait(tried, waited, asked) if _passing(got) else None
        if seconds is None:
            raise _failure(got, tried)
        waited += seconds
        yield Wait(seconds)


def _read(call: Call[T], response: httpx.Response) -> T:
    try:
        return call.parse(response)
    except (ValueError, KeyError, TypeError) as error:
        raise UnexpectedAnswerError(
            f"{call.method} {call.operation}: not what it answers"
        ) from error


def _passing(got: Got) -> bool:
    return not isinstance(got, httpx.Response) or got.status_code in AGAIN


def _failure(got: Got, tried: int) -> Exception:
    if isinstance(got, httpx.Response):
        return error_of(got)
    # The kind only: the message may name what was sent.
    error = UnreachableError(f"no answer after {tried} attempts: {type(got).__name__}")
    error.__cause__ = got
    return error
