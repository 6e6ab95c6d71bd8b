from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from serving.engine.crew import Crew
from tests.engine.kit import SOON, until


class Hands:
    """Steps whose threads can be made to hang."""

    def __init__(self) -> None:
        self.now = 0.0
        self.hang = threading.Event()
        self.release = threading.Event()
        self.hanging = threading.Semaphore(0)
        self.steps = 0

    def clock(self) -> float:
        return self.now

    def step(self, timeout: float) -> bool:
        self.steps += 1
        if self.hang.is_set():
            self.hanging.release()
            self.release.wait(SOON)
        else:
            threading.Event().wait(min(timeout, 0.002))
        return False


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands()
    yield hands
    hands.hang.clear()
    hands.release.set()


def hang_all(hands: Hands, threads: int) -> None:
    hands.hang.set()
    for _ in range(threads):
        assert hands.hanging.acquire(timeout=SOON)


def test_a_hanging_thread_is_stale_and_replaced(hands: Hands) -> None:
    crew = Crew("test", 2, hands.step, stuck_after=30.0, clock=hands.clock)
    crew.start()
    assert crew.healthy() == 2
    assert crew.tend() == 0
    hang_all(hands, 2)
    hands.now = 31.0
    assert crew.healthy() == 0
    hands.hang.clear()
    assert crew.tend() == 2
    assert crew.healthy() == 2
    hands.release.set()
    assert crew.close(SOON)


def test_hanging_threads_are_not_replaced_without_end(hands: Hands) -> None:
    crew = Crew("test", 2, hands.step, stuck_after=30.0, clock=hands.clock)
    crew.start()
    replaced = []
    hands.hang.set()
    for round_ in range(1, 4):
        if round_ < 3:
            hang_all(hands, 2)
        hands.now = 31.0 * round_
        replaced.append(crew.tend())
    assert replaced == [2, 0, 0]
    assert crew.healthy() == 0
    # Once they come back to life, so does the crew.
    hands.hang.clear()
    hands.release.set()
    until(lambda: crew.tend() >= 0 and crew.healthy() == 2)
    crew.close(SOON)


def test_a_closed_crew_is_gone(hands: Hands) -> None:
    crew = Crew("closing", 3, hands.step)
    crew.start()
    assert crew.close(SOON)
    assert crew.tend() == 0
    assert not any(t.name == "suda-closing" for t in threading.enumerate())


def test_a_crew_that_hangs_is_not_waited_for(hands: Hands) -> None:
    crew = Crew("test", 1, hands.step)
    crew.start()
    hang_all(hands, 1)
    assert not crew.close(0.01)
