"""What the endpoints of jobs share, and the worker beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from data.errors import InputError, NotReadyError
from serving.api.state import State
from serving.jobs.fetch import Allowed
from serving.jobs.load import Loader
from serving.jobs.means import loader_of, means_of
from serving.jobs.runner import Runner

# Files that are read into the store at the same time; the others wait for their turn.
_AT_ONCE = 2


@dataclass
class Jobs:
    """What the endpoints of jobs share: who reads files in, who works on them."""

    loader: Loader
    runner: Runner
    allowed: Allowed
    turns: asyncio.Semaphore


@asynccontextmanager
async def working(app: FastAPI, state: State) -> AsyncIterator[None]:
    """Work on jobs in the meantime. Raises InputError for a bad SUDA_JOB_URLS or SUDA_JOB_SPOOL."""
    allowed = Allowed.parse(state.settings.job_urls)
    _make(state.settings.job_spool)
    runner = Runner(means_of(state))
    app.state.jobs = Jobs(
        loader_of(state.intake.store.session, state.settings),
        runner,
        allowed,
        asyncio.Semaphore(_AT_ONCE),
    )
    runner.start()
    try:
        yield
    finally:
        await asyncio.to_thread(runner.close, state.settings.shutdown_seconds)


def _make(spool: Path | None) -> None:
    try:
        if spool is not None:
            spool.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"is no directory that can be written to: {error.strerror}"
        raise InputError(message, field="SUDA_JOB_SPOOL") from error


async def get_jobs(request: Request) -> Jobs:
    """The running application's jobs. Raises NotReadyError before start-up is complete."""
    found: Jobs | None = getattr(request.app.state, "jobs", None)
    if found is None:
        raise NotReadyError("the service is starting")
    return found


JobsDep = Annotated[Jobs, Depends(get_jobs)]
