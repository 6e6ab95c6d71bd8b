from __future__ import annotations

import pytest

from data.errors import NotReadyError
from serving.engine import warmup
from serving.engine.engine import Engine, Limits
from serving.engine.laps import Laps, server_timing
from tests.engine.kit import SOON


@pytest.fixture
def engine() -> Engine:
    engine = Engine(Limits(workers=2))
    engine.start()
    return engine


def test_capacity_is_measured_on_the_engine_s_own_threads(engine: Engine) -> None:
    done: list[str] = []
    speed = warmup.measure(engine, done.append, ["a", "b", "c", "d", "e"])
    assert engine.capacity.per_second == pytest.approx(speed)
    assert sorted(done) == sorted("abcdabcde")
    engine.close(SOON)


def test_a_model_that_fails_on_plain_words_is_not_ready(engine: Engine) -> None:
    def broken(_: str) -> None:
        raise RecursionError

    with pytest.raises(RecursionError):
        warmup.measure(engine, broken, ["a"])
    engine.close(SOON)


def test_a_model_that_does_not_come_back_is_not_ready(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr(warmup, "LONGEST", 0.05)
    hold = threading.Event()
    with pytest.raises(NotReadyError, match="did not answer"):
        warmup.measure(engine, lambda _: hold.wait(SOON), ["a", "b", "c"])
    hold.set()
    engine.close(SOON)


def test_the_timing_header_has_every_phase() -> None:
    ticks = iter([0.0, 0.001, 0.003, 0.0, 0.002])
    laps = Laps(lambda: next(ticks))
    laps.lap("queue")
    laps.lap("infer")
    other = Laps(lambda: next(ticks))
    other.lap("queue")
    assert server_timing([laps, other]) == (
        "queue;dur=2.00, prepare;dur=0.00, infer;dur=2.00, decide;dur=0.00, commit;dur=0.00"
    )
