"""Beside the requests: a flood is swept piece by piece, and counting waits for nobody's clock."""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime
from typing import cast

import pytest

from serving.outbox.background import Background, Watch
from serving.settings import Settings
from tests.engine.kit import until


class Flood:
    """Three pieces of work, and a fourth that finds no more."""

    def __init__(self) -> None:
        self.left, self.swept, self.priorities = 3, 0, list[int]()
        self.counting, self.gate = threading.Event(), threading.Event()

    def sweep(self) -> bool:
        self.swept += 1
        self.left -= 1
        return self.left >= 0

    def count(self) -> bool:
        if sys.platform == "linux":
            self.priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        self.counting.set()
        self.gate.wait(20)
        raise ValueError("not this time")


def test_a_flood_is_swept_without_waiting_for_the_next_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = Flood()
    behind = Background(
        Settings(sweep_seconds=3600, outbox="off"),
        None,  # type: ignore[arg-type]
        lambda when: pytest.fail("nothing is sent"),
        cast(Watch, watch),
        None,
        clock=lambda: datetime.now(UTC),
        on_done=lambda result: None,
    )
    behind.start()
    try:
        # However long is counted, the clocks are swept meanwhile.
        assert watch.counting.wait(20)
        until(lambda: watch.swept == 4)
        watch.gate.set()
        until(lambda: "ValueError" in caplog.text)
        assert behind.alive()
    finally:
        watch.gate.set()
        assert behind.close(20)
    assert watch.swept == 4
    if sys.platform == "linux":
        assert watch.priorities == [19]
