"""The client for asyncio; `suda_client.client` has the same for ordinary code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import TypeVar

import httpx

from suda_client import calls
from suda_client.calls import Call
from suda_client.client import BATCH, PAGE, SECONDS, arguments
from suda_client.errors import NotReadyError, UnreachableError
from suda_client.exchange import Send, exchange
from suda_client.models import Decision, LabelRecord, Problem, Recorded, Stored, Taxonomy
from suda_client.requests import Complaint, Feedback
from suda_client.retry import Retry

T = TypeVar("T")


class AsyncSuda:
    """`AsyncSuda("https://suda.bank.example", key)`. Close it, or use `async with`.

    `http` is an httpx.AsyncClient of your own (proxy, certificates, limits), with the base URL.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        retry: Retry | None = None,
        seconds: float = SECONDS,
        http: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http or httpx.AsyncClient(base_url=base_url, timeout=seconds)
        self._key = key
        self._retry = retry or Retry()
        self._sleep = sleep

    async def __aenter__(self) -> AsyncSuda:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def classify(
        self,
        complaint: Complaint | str,
        *,
        idempotency_key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Decision:
        """Decide one complaint; it is stored once this returns. Raises SudaError."""
        return await self._run(calls.classify(complaint, idempotency_key, deadline_ms))

    async def classify_batch(
        self,
        complaints: Sequence[Complaint | str],
        *,
        idempotency_key: str | None = None,
        deadline_ms: int | None = None,
    ) -> list[Decision | Problem]:
        """Decide up to 256 complaints in one call; a bad one spoils no other. Raises SudaError."""
        return await self._run(calls.classify_batch(complaints, idempotency_key, deadline_ms))

    async def classify_many(
        self, complaints: Iterable[Complaint | str], *, size: int = BATCH
    ) -> AsyncIterator[Decision | Problem]:
        """Decide any number, `size` a call, in their order. Raises SudaError.

        After an error give the complaints again: with external ids none is taken twice.
        """
        rest = iter(complaints)
        while batch := list(islice(rest, size)):
            for answer in await self.classify_batch(batch):
                yield answer

    async def complaint(self, complaint_id: str) -> Stored:
        """What was received, and the latest decision. Raises NotFoundError."""
        return await self._run(calls.complaint(complaint_id))

    async def feedback(self, items: Sequence[Feedback]) -> list[Recorded | Problem]:
        """Record what people decided, each item on its own. Needs the scope `review`."""
        return await self._run(calls.feedback(items))

    async def feedback_records(self, since: datetime | None = None) -> AsyncIterator[LabelRecord]:
        """All label records recorded at or after `since`, oldest first."""
        after: int | None = 0
        while after is not None:
            records, after = await self._run(calls.feedback_page(since, after, PAGE))
            for record in records:
                yield record

    async def taxonomy(self) -> Taxonomy:
        """The heads and labels that the service answers with."""
        return await self._run(calls.taxonomy())

    async def ready(self) -> bool:
        """Whether complaints can be taken in now."""
        try:
            return await self._run(calls.ready())
        except (NotReadyError, UnreachableError):
            return False

    async def _run(self, call: Call[T]) -> T:
        steps = exchange(call, self._retry)
        step = next(steps)
        while True:
            got: httpx.Response | httpx.TransportError | None = None
            if isinstance(step, Send):
                got = await self._send(step.call)
            else:
                await self._sleep(step.seconds)
            try:
                step = steps.send(got)
            except StopIteration as done:
                answer: T = done.value
                return answer

    async def _send(self, call: Call[object]) -> httpx.Response | httpx.TransportError:
        try:
            return await self._http.request(call.method, call.url, **arguments(call, self._key))
        except httpx.TransportError as error:
            return error
