"""What the engine's tests share: work that waits for a signal, and an observer that remembers."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from serving.engine.laps import Laps

# Long: a machine may be busy with other things, and nothing here is about speed.
SOON = 60.0


@dataclass
class Remembering:
    """An observer that keeps everything."""

    counts: Counter[str] = field(default_factory=Counter)
    laps: list[Laps] = field(default_factory=list)

    def rejected(self, reason: str, texts: int) -> None:
        self.counts[f"rejected:{reason}"] += texts

    def dropped(self, reason: str) -> None:
        self.counts[f"dropped:{reason}"] += 1

    def finished(self, laps: Laps) -> None:
        self.counts["finished"] += 1
        self.laps.append(laps)

    def failed(self) -> None:
        self.counts["failed"] += 1

    def replaced(self, crew: str, threads: int) -> None:
        self.counts[f"replaced:{crew}"] += threads


@dataclass
class Gate:
    """Work that begins, then waits until the gate is opened."""

    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    open: threading.Event = field(default_factory=threading.Event)

    def work(self, answer: str = "done") -> Callable[[Laps], str]:
        def wait(_: Laps) -> str:
            self.begun.release()
            assert self.open.wait(SOON)
            return answer

        return wait

    def wait_begun(self) -> None:
        assert self.begun.acquire(timeout=SOON)


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.002)


@contextmanager
def uncollected() -> Iterator[None]:
    """Meanwhile objects go by counting references alone."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
