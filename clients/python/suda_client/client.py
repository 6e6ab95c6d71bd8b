"""The client for ordinary code; `suda_client.aio` has the same for asyncio."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from suda_client import calls, calls_cases, calls_jobs
from suda_client.calls import Call
from suda_client.calls_jobs import Kind
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

    def tell(self, complaint_id: str, event: EventReport) -> Told:
        """Say what happened to a case: accepted, bounced, resolved, … Safe to repeat."""
        return self._run(calls_cases.tell(complaint_id, event))

    def timeline(self, complaint_id: str) -> Timeline:
        """A case, its clocks and all that happened to it."""
        return self._run(calls_cases.timeline(complaint_id))

    def submit_job(
        self, file: Path, options: JobOptions | None = None, *, idempotency_key: str | None = None
    ) -> Job:
        """Hand in a file of complaints (CSV, JSONL, XLSX, also gzipped)."""
        with file.open("rb") as content:
            given = (content, file.name, options or JobOptions(), idempotency_key)
            return self._run(calls_jobs.submit(*given))

    def job(self, job_id: str) -> Job:
        """How far a job is."""
        return self._run(calls_jobs.show(job_id))

    def jobs(self, state: str | None = None) -> Iterator[Job]:
        """All jobs, newest first."""
        before: str | None = None
        while True:
            page, before = self._run(calls_jobs.listed(state, before))
            yield from page
            if before is None:
                return

    def await_job(self, job_id: str, *, every: float = 2.0, attempts: int = 43_200) -> Job:
        """Ask `every` so many seconds until the job has ended or the attempts are used up."""
        job = self.job(job_id)
        for _ in range(attempts):
            if job.ended:
                break
            self._sleep(every)
            job = self.job(job_id)
        return job

    def cancel_job(self, job_id: str) -> Job:
        """Stop a job; what is decided stays."""
        return self._run(calls_jobs.turn(job_id, "cancel"))

    def pause_job(self, job_id: str) -> Job:
        """Stop a job for now."""
        return self._run(calls_jobs.turn(job_id, "pause"))

    def resume_job(self, job_id: str) -> Job:
        """Go on with a job: no row is decided twice, none is left out."""
        return self._run(calls_jobs.turn(job_id, "resume"))

    def remove_job(self, job_id: str) -> None:
        """Remove a job and its rows."""
        self._run(calls_jobs.remove(job_id))

    def save_result(
        self, job_id: str, target: Path, *, kind: Kind = "jsonl", masked: bool = True
    ) -> None:
        """Write what a job came to into a file, piece by piece. Raises SudaError."""
        call = calls_jobs.result(job_id, kind, masked=masked)
        partial = target.with_name(f".{target.name}.partial")
        try:
            with self._http.stream(call.method, call.url, **arguments(call, self._key)) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                with partial.open("wb") as file:
                    for piece in response.iter_bytes():
                        file.write(piece)
        except httpx.TransportError as error:
            partial.unlink(missing_ok=True)
            raise UnreachableError(f"broken off: {type(error).__name__}") from error
        partial.replace(target)

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

    def _send(self, call: Call[Any]) -> httpx.Response | httpx.TransportError:
        try:
            return self._http.request(call.method, call.url, **arguments(call, self._key))
        except httpx.TransportError as error:
            return error


def arguments(call: Call[Any], key: str) -> dict[str, Any]:
    """What httpx is given for a call."""
    given: dict[str, Any] = {
        "headers": {"Authorization": f"Bearer {key}", **call.headers},
        "params": call.params or None,
    }
    if call.body is not None:
        given["json"] = call.body
    if call.files is not None:
        given["files"] = call.files
    if call.seconds is not None:
        given["timeout"] = call.seconds
    return given
