"""A load in the background of this process, and the same requests once more afterwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

from benchmarks.rig.sender import Sender, run
from benchmarks.rig.shots import Plan, Shot, Volley


class Barrage:
    """Runs from the moment it is made until its plan is over."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._volley: Volley | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._volley = run(self._plan)

    def wait(self) -> Volley:
        """What became of it."""
        self._thread.join()
        if self._volley is None:
            raise RuntimeError(f"the load {self._plan.name!r} failed")
        return self._volley


def again(plan: Plan, numbers: Iterable[int], *, at_once: int = 8) -> list[Shot]:
    """Send the requests with these numbers once more, byte for byte."""

    async def send() -> list[Shot]:
        sender = Sender(plan)
        left = iter(list(numbers))

        async def caller() -> None:
            for number in left:
                await sender.send(number)

        await asyncio.gather(*(caller() for _ in range(at_once)))
        await sender.close()
        return sender.shots

    return asyncio.run(send())
