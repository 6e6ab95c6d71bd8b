"""A ticker turns on a thread of its own, whatever a turn raises."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from serving.engine.ticker import Ticker, give_way
from tests.engine.kit import until


def test_it_begins_once_and_turns_until_it_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    came: list[str] = []

    def turn() -> None:
        came.append(threading.current_thread().name)
        raise ValueError("not this time")

    ticker = Ticker("test", 0.001, turn, begin=lambda: came.append("begun"))
    ticker.start()
    until(lambda: len(came) > 3)
    ticker.stop()
    assert came[:2] == ["begun", "suda-test"]
    assert came.count("begun") == 1
    assert "ValueError" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_only_the_thread_that_gives_way_does() -> None:
    found: list[int] = []

    def turn() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, 0)
    ticker = Ticker("test", 0.001, turn, begin=give_way)
    ticker.start()
    until(lambda: found != [])
    ticker.stop()
    assert set(found) == {19}
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
