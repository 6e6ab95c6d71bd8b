"""Wait for texts in the engine, no longer than the caller does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.types import Message

from data.errors import AbandonedError, DeadlineError
from serving.api.mailbox import mailbox
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
    pending = [ticket.future for ticket in tickets if not ticket.future.done()]
    if not pending:
        return
    inbox = mailbox()
    over = inbox.loop.create_future()
    left = len(pending)

    def end(*_: object) -> None:
        if not over.done():
            over.set_result(None)

    def count() -> None:
        nonlocal left
        left -= 1
        if not left:
            end()

    def answered(_: Future[Any]) -> None:
        inbox.put(count)

    timer = inbox.loop.call_later(seconds, end)
    gone.add_done_callback(end)
    for future in pending:
        future.add_done_callback(answered)
    try:
        await over
    finally:
        timer.cancel()
        gone.remove_done_callback(end)
    if gone.done() and left:
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
