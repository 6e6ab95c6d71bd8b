"""One row of a job on its way through the engine, and what became of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy.exc import SQLAlchemyError
from ulid import ULID

from data.errors import (
    AbandonedError,
    DeadlineError,
    NotReadyError,
    OverloadedError,
    SudaError,
)
from serving.api.problems import of_any
from serving.api.schemas import ClassifyRequest, to_complaint
from serving.engine.laps import Laps
from serving.engine.ticket import Work
from serving.intake import Intake
from serving.store.entry import Saved
from serving.store.faults import translated
from serving.store.job_items import DONE, FAILED, Outcome, Waiting
from serving.telemetry.logs import trail

log = logging.getLogger("suda.jobs")

_PASSING = (AbandonedError, CancelledError, DeadlineError, NotReadyError, OverloadedError)


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides the rows of one job as POST /v1/classify would have, at the time it was handed in.

    `intake` is asked for each row anew: all of a row is decided by one model, and a model swapped
    in meanwhile decides the next.
    """

    intake: Callable[[], Intake]
    actor: str
    received_at: datetime
    max_chars: int
    dry_run: bool

    def work(self, item: Waiting, on_decided: Callable[[], None]) -> Work[Saved]:
        """What a worker does for one row; it tells `on_decided` when it is through with it."""

        def work(laps: Laps) -> Saved | Future[Saved]:
            try:
                return self._decide(item, laps)
            finally:
                on_decided()

        return work

    def _decide(self, item: Waiting, laps: Laps) -> Saved | Future[Saved]:
        intake = self.intake()
        request = ClassifyRequest.model_validate(item.request)
        complaint = to_complaint(
            request, intake.pipeline.taxonomy, now=self.received_at, max_chars=self.max_chars
        )
        if self.dry_run:
            outcome = intake.pipeline.outcome(complaint, str(ULID()), laps.lap)
            return Saved(outcome.body, replayed=False)
        return intake.begin(
            complaint, request.fingerprint(), item.key, actor=self.actor, lap=laps.lap
        )

    def outcome(self, item: Waiting, future: Future[Saved]) -> Outcome | None:
        """What a settled row came to; None where it must be tried again."""
        try:
            saved = future.result()
        except _PASSING:
            return None
        except Exception as error:  # noqa: BLE001 - it is its row's outcome
            return _failure(item, error)
        decision = orjson.loads(saved.body)
        return Outcome(
            item.id,
            DONE,
            review=decision["review"]["needed"],
            replayed=saved.replayed,
            complaint_id=None if self.dry_run else decision["complaint_id"],
            model_version=decision["versions"]["model"],
            answer=saved.body if self.dry_run else None,
        )

    def is_written(self, outcome: Outcome) -> bool:
        """Whether the row was marked in the transaction of its own complaint."""
        return outcome.state == DONE and not outcome.replayed and not self.dry_run


def stuck(item: Waiting) -> Outcome:
    """The outcome of a row that came to no end."""
    problem = of_any(SudaError("came to no end; its worker was replaced"))
    return Outcome(item.id, FAILED, problem=orjson.dumps(problem).decode())


def _failure(item: Waiting, error: Exception) -> Outcome | None:
    if isinstance(error, SQLAlchemyError):
        error = translated(error)
    if isinstance(error, _PASSING):
        return None
    if not isinstance(error, SudaError):
        log.error("row %d of a job failed: %s", item.number, trail(error))
    return Outcome(item.id, FAILED, problem=orjson.dumps(of_any(error)).decode())
