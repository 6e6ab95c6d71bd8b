"""Wait for texts in the engine, no longer than the caller does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from starlette.types import Message

from data.errors import AbandonedError, DeadlineError
from serving.engine.ticket import Ticket

T = TypeVar("T")


async def outcomes(
    tickets: Sequence[Ticket[T]],
    *,
    within: float,
    grace: float,
    receive: Callable[[], Awaitable[Message]],
) -> list[T | Exception]:
    """Each ticket's result or error, in their order.

    What has not begun when `within` seconds are over, or when the caller leaves, is dropped; what
    has begun is waited for `grace` seconds more. Raises AbandonedError once the caller has left.
    """
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await _settled(tickets, gone, within)
        for ticket in tickets:
            ticket.drop()
        await _settled(tickets, gone, grace)
    finally:
        gone.cancel()
        for ticket in tickets:
            ticket.drop()
    return list(map(result_of, tickets))


async def _settled(
    tickets: Sequence[Ticket[Any]], gone: asyncio.Future[None], seconds: float
) -> None:
    """Until all tickets are done, the caller has left, or the time is over."""
    pending = [asyncio.wrap_future(t.future) for t in tickets if not t.future.done()]
    if not pending:
        return
    # One future for all: waiting for many would be woken by each. It also takes up every
    # exception, so that none is reported as forgotten.
    together = asyncio.gather(*pending, return_exceptions=True)
    either: set[asyncio.Future[Any]] = {together, gone}
    await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if gone.done() and not together.done():
        raise AbandonedError("the caller left")


async def _disconnected(receive: Callable[[], Awaitable[Message]]) -> None:
    """Return once the caller has left; the body has been read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


def result_of(ticket: Ticket[T]) -> T | Exception:
    """What a ticket came to; DeadlineError where there is nothing (yet)."""
    if ticket.future.cancelled():
        return DeadlineError("passed before the complaint was begun; nothing was done")
    if not ticket.future.done():
        return DeadlineError("passed while the complaint was in work; ask again for its answer")
    error = ticket.future.exception()
    if error is None:
        return ticket.future.result()
    return error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
