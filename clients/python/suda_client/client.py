"""The client for ordinary code; `suda_client.aio` has the same for asyncio."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar

import httpx

from suda_client import calls
from suda_client.calls import Call
from suda_client.errors import NotReadyError, UnreachableError
from suda_client.exchange import Send, exchange
from suda_client.models import Decision, LabelRecord, Problem, Recorded, Stored, Taxonomy
from suda_client.requests import Complaint, Feedback
from suda_client.retry import Retry

T = TypeVar("T")
SECONDS = 30.0
PAGE = 500
BATCH = 100


class Suda:
    """`Suda("https://suda.bank.example", key)`. Threads may share one; close it, or use `with`.

    `http` is an httpx.Client of your own (proxy, certificates, limits); it must have the base URL.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        retry: Retry | None = None,
        seconds: float = SECONDS,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http or httpx.Client(base_url=base_url, timeout=seconds)
        self._key = key
        self._retry = retry or Retry()
        self._sleep = sleep

    def __enter__(self) -> Suda:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def classify(
        self,
        complaint: Complaint | str,
        *,
        idempotency_key: str | None = None,
        deadline_ms: int | None = None,
    ) -> Decision:
        """Decide one complaint; it is stored once this returns. Raises SudaError."""
        return self._run(calls.classify(complaint, idempotency_key, deadline_ms))

    def classify_batch(
        self,
        complaints: Sequence[Complaint | str],
        *,
        idempotency_key: str | None = None,
        deadline_ms: int | None = None,
    ) -> list[Decision | Problem]:
        """Decide up to 256 complaints in one call; a bad one spoils no other. Raises SudaError."""
        return self._run(calls.classify_batch(complaints, idempotency_key, deadline_ms))

    def classify_many(
        self, complaints: Iterable[Complaint | str], *, size: int = BATCH
    ) -> Iterator[Decision | Problem]:
        """Decide any number, `size` a call, in their order. Raises SudaError.

        After an error give the complaints again: with external ids none is taken twice.
        """
        rest = iter(complaints)
        while batch := list(islice(rest, size)):
            yield from self.classify_batch(batch)

    def complaint(self, complaint_id: str) -> Stored:
        """What was received, and the latest decision. Raises NotFoundError."""
        return self._run(calls.complaint(complaint_id))

    def feedback(self, items: Sequence[Feedback]) -> list[Recorded | Problem]:
        """Record what people decided, each item on its own. Needs the scope `review`."""
        return self._run(calls.feedback(items))

    def feedback_records(self, since: datetime | None = None) -> Iterator[LabelRecord]:
        """All label records recorded at or after `since`, oldest first."""
        after: int | None = 0
        while after is not None:
            records, after = self._run(calls.feedback_page(since, after, PAGE))
            yield from records

    def taxonomy(self) -> Taxonomy:
        """The heads and labels that the service answers with."""
        return self._run(calls.taxonomy())

    def ready(self) -> bool:
        """Whether complaints can be taken in now."""
        try:
            return self._run(calls.ready())
        except (NotReadyError, UnreachableError):
            return False

    def _run(self, call: Call[T]) -> T:
        steps = exchange(call, self._retry)
        step = next(steps)
        while True:
            got: httpx.Response | httpx.TransportError | None = None
            if isinstance(step, Send):
                got = self._send(step.call)
            else:
                self._sleep(step.seconds)
            try:
                step = steps.send(got)
            except StopIteration as done:
                answer: T = done.value
                return answer

    def _send(self, call: Call[object]) -> httpx.Response | httpx.TransportError:
        try:
            return self._http.request(call.method, call.url, **arguments(call, self._key))
        except httpx.TransportError as error:
            return error


def arguments(call: Call[object], key: str) -> dict[str, Any]:
    """What httpx is given for a call."""
    given: dict[str, Any] = {
        "headers": {"Authorization": f"Bearer {key}", **call.headers},
        "params": call.params or None,
    }
    if call.body is not None:
        given["json"] = call.body
    if call.seconds is not None:
        given["timeout"] = call.seconds
    return given
