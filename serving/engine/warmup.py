"""Warm up, and the capacity that shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait

from data.errors import NotReadyError
from serving.engine.engine import Engine
from serving.engine.laps import Laps

# No start-up waits longer than this for its measurement, in seconds.
LONGEST = 20.0


def measure(engine: Engine, work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Let the engine's own threads do `texts` twice, the second time against the clock.

    Sets the engine's capacity and returns it, in texts a second. Raises what `work` raises: a
    model that fails on the taxonomy's own words is not ready.
    """
    _run(engine, work, texts[: max(4, len(texts) // 4)])
    began = time.perf_counter()
    _run(engine, work, texts)
    per_second = len(texts) / max(time.perf_counter() - began, 1e-6)
    engine.capacity.reset(per_second)
    return per_second


def _run(engine: Engine, work: Callable[[str], object], texts: Sequence[str]) -> None:
    def job(text: str) -> Callable[[Laps], object]:
        return lambda _: work(text)

    tickets = engine.admit([job(text) for text in texts], within=LONGEST)
    wait([ticket.future for ticket in tickets], timeout=LONGEST)
    for ticket in tickets:
        if ticket.drop() or not ticket.future.done():
            raise NotReadyError(f"the model did not answer {len(texts)} texts in {LONGEST:.0f} s")
        ticket.future.result()
