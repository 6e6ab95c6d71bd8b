"""The thread that works on jobs: claims one, sees it through, looks for the next."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from serving.engine.engine import Engine
from serving.intake import Intake
from serving.jobs.decide import Decider
from serving.jobs.shift import Pace, Shift
from serving.security.encryption import TextKeyError
from serving.store import job_lease, job_removal
from serving.store.jobs import State
from serving.store.rows.jobs import JobRow
from serving.telemetry.logs import trail

log = logging.getLogger("suda.jobs")

# How often jobs are looked for that came in through another process, in seconds.
_IDLE = 2.0
_AFTER_ERROR = 5.0
_SWEEP = 600.0


def _ignored(_outcome: str, _rows: int) -> None:
    """Nobody keeps figures."""


@dataclass(frozen=True, slots=True)
class Means:
    """What jobs are worked on with; `kept` is how long their rows stay once they ended."""

    engine: Engine
    intake: Callable[[], Intake]
    sessions: sessionmaker[Session]
    pace: Pace
    max_chars: int
    kept: timedelta
    now: Callable[[], datetime]
    observe: Callable[[str, int], None] = _ignored
    on_running: Callable[[bool], None] = field(default=lambda _: None)


class Runner:
    """Works on one job at a time, the oldest first. Every process has one."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self.owner = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stopping = False
        self._wake = threading.Event()
        self._swept_at: float | None = None
        self._thread = threading.Thread(target=self._loop, name="suda-jobs", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """There is a job to be had."""
        self._wake.set()

    def close(self, timeout: float) -> bool:
        """Give the job back with what is decided, and stop; False if that took longer."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        while not self._stopping:
            rest = _IDLE
            try:
                if self.turn():
                    rest = 0.0
            except Exception as error:  # noqa: BLE001 - without its words; the next turn tries again
                log.error("a job broke off: %s", trail(error))
                rest = _AFTER_ERROR
            self._wake.wait(rest)
            self._wake.clear()

    def turn(self) -> bool:
        """Work on one job until it ends or is taken away; false where there is none."""
        self._sweep()
        means = self._means
        with means.sessions.begin() as session:
            job = job_lease.claim(session, self.owner, means.now(), means.pace.lease)
            if job is None:
                return False
        log.info("job %s: %d of %d rows left", job.id, job.total - job.done - job.failed, job.total)
        means.on_running(True)
        try:
            self._work(job)
        finally:
            means.on_running(False)
        return True

    def _work(self, job: JobRow) -> None:
        means = self._means
        dry_run = job.options.get("saving") == "dry_run"
        decider = Decider(means.intake, job.actor, job.created_at, means.max_chars, dry_run)
        shift = Shift(
            job.id,
            self.owner,
            decider,
            means.engine,
            means.sessions,
            means.pace,
            going=lambda: not self._stopping,
            now=means.now,
            observe=means.observe,
        )
        try:
            finished = shift.run()
        except TextKeyError as error:
            # No other worker could read it either.
            log.error("job %s: %s", job.id, trail(error))
            self._release(job, "failed", f"{error.code}: {error}")
            return
        self._release(job, "done" if finished else "queued", None)

    def _release(self, job: JobRow, state: State, message: str | None) -> None:
        with self._means.sessions.begin() as session:
            now = self._means.now()
            row = job_lease.release(session, job.id, self.owner, state, message, now)
        log.info("job %s: %s", job.id, row.state if row else "went to another worker")

    def _sweep(self) -> None:
        if self._swept_at is not None and time.monotonic() - self._swept_at < _SWEEP:
            return
        self._swept_at = time.monotonic()
        now = self._means.now()
        if swept := job_removal.sweep(self._means.sessions, now - self._means.kept, now):
            log.info("the rows of %d jobs were removed", swept)
