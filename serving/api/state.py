"""What the endpoints share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from data.errors import NotReadyError
from serving.intake import Intake
from serving.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """Settings, intake and the threads that do blocking work."""

    settings: Settings
    intake: Intake
    executor: ThreadPoolExecutor

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work off the event loop, on as many threads as `workers` says."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)


def get_state(request: Request) -> State:
    """The running application's state. Raises NotReadyError before start-up is complete."""
    state: State | None = getattr(request.app.state, "suda", None)
    if state is None:
        raise NotReadyError("the service is starting")
    return state


StateDep = Annotated[State, Depends(get_state)]
