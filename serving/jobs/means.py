"""What jobs are read in and worked on with, as the settings say."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session, sessionmaker

from serving.api.state import State
from serving.intake import now
from serving.jobs.load import Loader
from serving.jobs.runner import Means
from serving.jobs.shift import Pace
from serving.settings import Settings

# Rows under way to the disk for each that is being decided: enough for one group of commits.
_WINDOW = 8


def pace_of(settings: Settings) -> Pace:
    """How many rows go at a time: one worker fewer than there are, so that one is always free for
    a caller who waits.
    """
    lanes = settings.job_threads or max(1, settings.workers - 1)
    return Pace(lanes, lanes * _WINDOW, timedelta(seconds=settings.job_lease_seconds))


def means_of(state: State) -> Means:
    """What the running application's jobs are worked on with."""
    metrics, settings = state.metrics, state.settings

    def observe(outcome: str, rows: int) -> None:
        metrics.job_rows.labels(outcome).inc(rows)

    return Means(
        engine=state.engine,
        intake=lambda: state.intake,
        sessions=state.intake.store.session,
        pace=pace_of(settings),
        max_chars=settings.max_text_chars,
        kept=timedelta(days=settings.job_days),
        now=now,
        observe=observe,
        on_running=lambda running: metrics.jobs_running.set(float(running)),
    )


def loader_of(sessions: sessionmaker[Session], settings: Settings) -> Loader:
    """Reads files into a store."""
    return Loader(
        sessions,
        settings.max_job_bytes,
        settings.max_job_rows,
        settings.max_jobs,
        now,
        settings.job_spool,
    )
