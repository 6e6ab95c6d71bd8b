"""The client for asyncio; `suda_client.client` has the same for ordinary code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from suda_client import calls, calls_cases, calls_jobs
from suda_client.calls import Call
from suda_client.calls_jobs import Kind
from suda_client.client import BATCH, PAGE, SECONDS, arguments
from suda_client.errors import NotReadyError, UnreachableError, error_of
from suda_client.exchange import Send, exchange
from suda_client.models import (
    Decision,
    Job,
    LabelRecord,
    Problem,
    Recorded,
    Stored,
    Taxonomy,
    Timeline,
    Told,
)
from suda_client.requests import Complaint, EventReport, Feedback, JobOptions
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

    async def tell(self, complaint_id: str, event: EventReport) -> Told:
        """Say what happened to a case: accepted, bounced, resolved, … Safe to repeat."""
        return await self._run(calls_cases.tell(complaint_id, event))

    async def timeline(self, complaint_id: str) -> Timeline:
        """A case, its clocks and all that happened to it."""
        return await self._run(calls_cases.timeline(complaint_id))

    async def submit_job(
        self, file: Path, options: JobOptions | None = None, *, idempotency_key: str | None = None
    ) -> Job:
        """Hand in a file of complaints (CSV, JSONL, XLSX, also gzipped)."""
        with file.open("rb") as content:
            given = (content, file.name, options or JobOptions(), idempotency_key)
            return await self._run(calls_jobs.submit(*given))

    async def job(self, job_id: str) -> Job:
        """How far a job is."""
        return await self._run(calls_jobs.show(job_id))

    async def jobs(self, state: str | None = None) -> AsyncIterator[Job]:
        """All jobs, newest first."""
        before: str | None = None
        while True:
            page, before = await self._run(calls_jobs.listed(state, before))
            for job in page:
                yield job
            if before is None:
                return

    async def await_job(self, job_id: str, *, every: float = 2.0, attempts: int = 43_200) -> Job:
        """Ask `every` so many seconds until the job has ended or the attempts are used up."""
        job = await self.job(job_id)
        for _ in range(attempts):
            if job.ended:
                break
            await self._sleep(every)
            job = await self.job(job_id)
        return job

    async def cancel_job(self, job_id: str) -> Job:
        """Stop a job; what is decided stays."""
        return await self._run(calls_jobs.turn(job_id, "cancel"))

    async def pause_job(self, job_id: str) -> Job:
        """Stop a job for now."""
        return await self._run(calls_jobs.turn(job_id, "pause"))

    async def resume_job(self, job_id: str) -> Job:
        """Go on with a job: no row is decided twice, none is left out."""
        return await self._run(calls_jobs.turn(job_id, "resume"))

    async def remove_job(self, job_id: str) -> None:
        """Remove a job and its rows."""
        await self._run(calls_jobs.remove(job_id))

    async def save_result(
        self, job_id: str, target: Path, *, kind: Kind = "jsonl", masked: bool = True
    ) -> None:
        """Write what a job came to into a file, piece by piece. Raises SudaError."""
        call = calls_jobs.result(job_id, kind, masked=masked)
        partial = target.with_name(f".{target.name}.partial")
        try:
            async with self._http.stream(
                call.method, call.url, **arguments(call, self._key)
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise error_of(response)
                with partial.open("wb") as file:
                    async for piece in response.aiter_bytes():
                        file.write(piece)
        except httpx.TransportError as error:
            partial.unlink(missing_ok=True)
            raise UnreachableError(f"broken off: {type(error).__name__}") from error
        partial.replace(target)

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

    async def _send(self, call: Call[Any]) -> httpx.Response | httpx.TransportError:
        try:
            return await self._http.request(call.method, call.url, **arguments(call, self._key))
        except httpx.TransportError as error:
            return error
