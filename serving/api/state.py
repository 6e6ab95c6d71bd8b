"""What the endpoints share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from data.errors import NotReadyError
from serving.engine.engine import Engine
from serving.intake import Intake
from serving.models.switchboard import Switchboard
from serving.outbox.departments import Directory
from serving.policies.follow import Follower
from serving.settings import Settings
from serving.telemetry.metrics import Metrics
from serving.workers.pool import Pool

T = TypeVar("T")


@dataclass
class State:
    """Settings, intake, engine and figures, and the threads for other blocking work.

    `intake` is replaced as a whole when other models are to answer: read it once for each
    complaint. `models`, set at the start, is who replaces it,
    `directory` who is told of decisions, `packs` who brings policies in.
    `demo` says that what the store holds never happened.
    `processes` are those that run the model.
    `draining` is set once the service is told to stop: it still answers, but is no longer ready.
    """

    settings: Settings
    intake: Intake
    executor: ThreadPoolExecutor
    engine: Engine
    metrics: Metrics = field(default_factory=Metrics)
    processes: Pool = field(default_factory=lambda: Pool(0))
    draining: bool = False
    demo: bool = False
    models: Switchboard = field(init=False)
    packs: Follower = field(init=False)
    directory: Directory = field(init=False)

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work, such as a query, off the event loop and beside the engine."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)

    def tend(self) -> None:
        """Replace threads that died or hang, and processes that died."""
        self.engine.tend()
        if replaced := self.processes.tend():
            self.metrics.threads_replaced.labels("processes").inc(replaced)
        if replaced := self.intake.committer.crew.tend():
            self.metrics.threads_replaced.labels("commit").inc(replaced)

    def faults(self) -> list[str]:
        """Why no complaint should be sent here now, the database apart; empty if none."""
        found = ["the service is stopping"] if self.draining else []
        for name, crew in (("classify", self.engine.crew), ("commit", self.intake.committer.crew)):
            if (healthy := crew.healthy()) < crew.size:
                found.append(
                    f"{crew.size - healthy} of {crew.size} threads of {name} dead or stuck"
                )
        return found


async def get_state(request: Request) -> State:
    """The running application's state. Raises NotReadyError before start-up is complete."""
    state: State | None = getattr(request.app.state, "suda", None)
    if state is None:
        raise NotReadyError("the service is starting")
    return state


StateDep = Annotated[State, Depends(get_state)]
