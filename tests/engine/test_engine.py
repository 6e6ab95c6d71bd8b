from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait

import pytest

from data.errors import InputError, NotReadyError, OverloadedError, SudaError
from serving.engine.engine import Engine, Limits
from serving.engine.laps import Laps
from serving.engine.ticket import JointWork, Work
from tests.engine.kit import SOON, Gate, Remembering, uncollected, until

LONG = 60.0


@pytest.fixture
def seen() -> Remembering:
    return Remembering()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def started(limits: Limits, seen: Remembering, gate: Gate) -> Iterator[Engine]:
    """An engine that runs, for 100 texts a second."""
    engine = Engine(limits, observer=seen)
    engine.capacity.reset(100.0)
    engine.start()
    yield engine
    gate.open.set()
    engine.close(SOON)


@pytest.fixture
def engine(seen: Remembering, gate: Gate) -> Iterator[Engine]:
    yield from started(Limits(workers=2, max_waiting=50), seen, gate)


def answer(value: str) -> Callable[[Laps], str]:
    return lambda _: value


def later(future: Future[str]) -> Work[str]:
    return lambda _: future


def fill(engine: Engine, gate: Gate) -> None:
    """Keep both workers busy until the gate opens."""
    for _ in range(2):
        engine.admit([gate.work()], within=LONG)
        gate.wait_begun()


def test_work_is_answered_and_its_phases_measured(engine: Engine, seen: Remembering) -> None:
    def work(laps: Laps) -> str:
        time.sleep(0.01)
        laps.lap("infer")
        return "x"

    (ticket,) = engine.admit([work], within=LONG)
    assert ticket.future.result(SOON) == "x"
    assert ticket.laps.seconds["infer"] >= 0.01
    assert ticket.laps.seconds["queue"] >= 0.0
    assert seen.counts == {"finished": 1}


@pytest.mark.parametrize("sizes", [[1] * 10, [10], [3, 3, 4], [9, 1]])
def test_exactly_as_many_are_admitted_as_can_be_begun_in_time(
    engine: Engine, gate: Gate, seen: Remembering, sizes: list[int]
) -> None:
    """0.12 s at 100 a second are 12 texts; two are in work, so ten may wait, however they come."""
    fill(engine, gate)
    for size in sizes:
        engine.admit([answer("y")] * size, within=0.12)
    with pytest.raises(OverloadedError) as refused:
        engine.admit([answer("z")], within=0.12)
    assert refused.value.retry_after is not None
    assert engine.waiting == 10
    assert seen.counts["rejected:overloaded"] == 1


def test_a_batch_is_admitted_whole_or_not_at_all(engine: Engine, gate: Gate) -> None:
    fill(engine, gate)
    with pytest.raises(OverloadedError):
        engine.admit([answer("y")] * 11, within=0.12)
    assert engine.waiting == 0
    engine.admit([answer("y")] * 10, within=0.12)
    assert engine.waiting == 10
    assert engine.backlog_seconds == pytest.approx(0.1)


def test_a_batch_too_large_for_its_deadline_is_told_so(engine: Engine) -> None:
    with pytest.raises(OverloadedError, match=r"40 texts need about 0\.4 s") as refused:
        engine.admit([answer("y")] * 40, within=0.2)
    assert refused.value.field == "Suda-Deadline-Ms"


def test_what_is_due_later_gives_way(engine: Engine, gate: Gate) -> None:
    """A batch with time to spare neither fills the line for what is urgent, nor goes before it."""
    fill(engine, gate)
    order: list[str] = []
    late = engine.admit([lambda _: order.append("late")] * 30, within=LONG)
    soon = engine.admit([lambda _: order.append("soon")] * 5, within=5.0)
    gate.open.set()
    wait([t.future for t in (*late, *soon)], SOON)
    assert order.count("late") == 30
    # Two workers append side by side.
    assert order.index("late") >= 4


def test_the_line_has_an_end_whatever_the_deadline(engine: Engine, gate: Gate) -> None:
    fill(engine, gate)
    engine.admit([answer("y")] * 50, within=LONG)
    with pytest.raises(OverloadedError):
        engine.admit([answer("y")], within=LONG)


def test_an_idle_engine_takes_one_text_however_slow_it_seems(engine: Engine) -> None:
    engine.capacity.reset(0.001)
    (ticket,) = engine.admit([answer("y")], within=0.5)
    assert ticket.future.result(SOON) == "y"


def test_work_past_its_deadline_never_runs(engine: Engine, gate: Gate, seen: Remembering) -> None:
    fill(engine, gate)
    ran = threading.Event()
    (ticket,) = engine.admit([lambda _: ran.set()], within=0.05)
    time.sleep(0.06)
    gate.open.set()
    until(ticket.future.cancelled)
    assert not ran.is_set()
    assert seen.counts["dropped:deadline"] == 1


def test_work_whose_caller_left_never_runs(engine: Engine, gate: Gate, seen: Remembering) -> None:
    fill(engine, gate)
    ran = threading.Event()
    left, stays = engine.admit([lambda _: ran.set(), lambda _: None], within=LONG)
    assert left.drop()
    assert engine.waiting == 1
    gate.open.set()
    stays.future.result(SOON)
    assert not ran.is_set()
    assert seen.counts["dropped:abandoned"] == 1


def test_begun_work_is_finished_whoever_left(engine: Engine, gate: Gate) -> None:
    (ticket,) = engine.admit([gate.work("kept")], within=LONG)
    gate.wait_begun()
    assert not ticket.drop()
    gate.open.set()
    assert ticket.future.result(SOON) == "kept"


def test_one_that_fails_harms_no_neighbour(engine: Engine, seen: Remembering) -> None:
    def poison(_: Laps) -> str:
        raise InputError("bad", field="text")

    def rot(_: Laps) -> str:
        raise RecursionError

    works = [answer("a"), poison, answer("b"), rot, answer("c")]
    found = [t.future for t in engine.admit(works, within=LONG)]
    wait(found, SOON)
    assert [f.exception() is None for f in found] == [True, False, True, False, True]
    assert isinstance(found[1].exception(), InputError)
    assert engine.crew.healthy() == 2
    assert seen.counts == {"finished": 3, "failed": 2}


def test_a_dead_thread_is_seen_and_replaced(engine: Engine, seen: Remembering) -> None:
    def deadly(_: Laps) -> str:
        raise SystemExit

    (ticket,) = engine.admit([deadly], within=LONG)
    assert isinstance(ticket.future.exception(SOON), SudaError)
    until(lambda: engine.crew.healthy() == 1)
    assert engine.tend() == 1
    assert engine.crew.healthy() == 2
    assert seen.counts["replaced:classify"] == 1
    assert engine.in_progress == 0
    (after,) = engine.admit([answer("alive")], within=LONG)
    assert after.future.result(SOON) == "alive"


def test_all_threads_dead_is_no_end(engine: Engine) -> None:
    def deadly(_: Laps) -> str:
        raise SystemExit

    engine.admit([deadly, deadly], within=LONG)
    until(lambda: engine.crew.healthy() == 0)
    (waiting,) = engine.admit([answer("later")], within=LONG)
    engine.tend()
    assert waiting.future.result(SOON) == "later"


def test_an_answer_may_follow_when_it_is_durable(engine: Engine, seen: Remembering) -> None:
    durable: Future[str] = Future()
    (ticket,) = engine.admit([later(durable)], within=LONG)
    until(lambda: engine.in_progress == 1)
    time.sleep(0.02)
    assert not ticket.future.done()
    durable.set_result("safe")
    assert ticket.future.result(SOON) == "safe"
    assert engine.in_progress == 0
    assert ticket.laps.seconds["commit"] >= 0.01


def test_what_waits_for_its_commit_counts_as_load(engine: Engine) -> None:
    """A store that hangs must not let an endless row of decided complaints pile up."""
    never: Future[str] = Future()
    tickets = engine.admit([later(never)] * 12, within=0.12)
    until(lambda: engine.waiting == 0)
    with pytest.raises(OverloadedError):
        engine.admit([answer("y")], within=0.12)
    never.set_exception(OSError())
    assert all(isinstance(t.future.exception(SOON), OSError) for t in tickets)


def test_a_stopping_engine_finishes_what_waits_and_takes_no_more(
    engine: Engine, gate: Gate, seen: Remembering
) -> None:
    fill(engine, gate)
    tickets = engine.admit([answer("y")] * 10, within=LONG)
    gate.open.set()
    engine.close(SOON)
    assert [t.future.result(0) for t in tickets] == ["y"] * 10
    with pytest.raises(NotReadyError):
        engine.admit([answer("z")], within=LONG)


def test_a_stop_that_may_not_last_answers_what_it_leaves(engine: Engine, gate: Gate) -> None:
    fill(engine, gate)
    (ticket,) = engine.admit([answer("y")], within=LONG)
    engine.close(0.05)
    assert isinstance(ticket.future.exception(0), NotReadyError)


def test_answers_never_change_places() -> None:
    """Random work from many callers at once: each gets the answer to its own question."""
    engine = Engine(Limits(workers=4, max_waiting=10_000))
    engine.capacity.reset(1e6)
    engine.start()
    failures: list[str] = []

    def caller(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        for _ in range(40):
            asked = [f"{seed}-{chance.random()}" for _ in range(chance.randint(1, 5))]
            tickets = engine.admit([answer(a) for a in asked], within=chance.uniform(5, 60))
            dropped = [chance.random() < 0.2 and t.drop() for t in tickets]
            for a, t, d in zip(asked, tickets, dropped, strict=True):
                if not d and t.future.result(SOON) != a:
                    failures.append(a)

    callers = [threading.Thread(target=caller, args=(seed,)) for seed in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert failures == []
    assert engine.waiting == engine.in_progress == 0
    engine.close(SOON)


class Together(JointWork[str]):
    """Answers with its name and how many it was done with; one called `bad` fails."""

    def __init__(self, name: str) -> None:
        self.name = name

    def together(self, works: Sequence[Together], laps: Sequence[Laps]) -> list[str | Exception]:
        assert len(laps) == len(works)
        return [
            InputError("bad") if work.name == "bad" else f"{work.name} of {len(works)}"
            for work in works
        ]


@pytest.fixture
def sociable(seen: Remembering, gate: Gate) -> Iterator[Engine]:
    yield from started(Limits(workers=2, together=3), seen, gate)


def test_those_who_wait_are_done_together_each_with_its_own_answer(
    sociable: Engine, gate: Gate, seen: Remembering
) -> None:
    fill(sociable, gate)
    tickets = sociable.admit(
        [Together(name) for name in ("a", "bad", "c", "d", "e", "f")], within=LONG
    )
    gate.open.set()
    wait([ticket.future for ticket in tickets], SOON)
    failed = [ticket.future for ticket in tickets if ticket.future.exception()]
    assert [type(future.exception()) for future in failed] == [InputError]
    answers = [ticket.future.result() for ticket in tickets if not ticket.future.exception()]
    # At first six wait for two threads that take three at most, and never more than their share.
    assert answers[:2] == ["a of 3", "c of 3"]
    assert [answer.partition(" ")[0] for answer in answers] == ["a", "c", "d", "e", "f"]
    until(lambda: seen.counts["finished"] == 2 + 5)
    assert seen.counts["failed"] == 1
    assert sociable.in_progress == sociable.at_work == 0


def test_one_alone_is_done_alone(sociable: Engine) -> None:
    (ticket,) = sociable.admit([Together("a")], within=LONG)
    assert ticket.future.result(SOON) == "a of 1"
    (ticket,) = sociable.admit([Together("bad")], within=LONG)
    with pytest.raises(InputError):
        ticket.future.result(SOON)


def test_whose_caller_left_is_not_done_with_the_others(sociable: Engine, gate: Gate) -> None:
    fill(sociable, gate)
    tickets = sociable.admit([Together(name) for name in "abcdef"], within=LONG)
    assert tickets[1].future.cancel()
    gate.open.set()
    assert tickets[0].future.result(SOON) == "a of 3"
    assert tickets[2].future.result(SOON) == "c of 3"


def test_a_thread_that_dies_leaves_none_of_them_without_an_answer(
    sociable: Engine, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(Together, "together", dies)
    fill(sociable, gate)
    tickets = sociable.admit([Together(name) for name in "abcdef"], within=LONG)
    gate.open.set()
    until(lambda: sociable.tend() >= 0 and all(ticket.future.done() for ticket in tickets))
    assert {type(ticket.future.exception()) for ticket in tickets} == {SudaError}


def test_what_is_over_is_forgotten_without_the_collector(engine: Engine, gate: Gate) -> None:
    """A full collection stops all threads for tens of milliseconds, under load many times."""
    saved: Future[str] = Future()
    works = [gate.work(), gate.work(), later(saved), refused(), answer("left")]
    with uncollected():
        tickets = engine.admit(works, within=LONG)
        gate.wait_begun()
        gate.wait_begun()
        assert tickets[-1].drop()
        gate.open.set()
        saved.set_result("saved")
        until(lambda: all(ticket.future.done() for ticket in tickets))
        left = [weakref.ref(work) for work in works]
        tickets.clear()
        works.clear()
        until(lambda: not any(work() for work in left))


def test_a_refusal_is_forgotten_too(engine: Engine) -> None:
    with uncollected():
        try:
            engine.admit([answer("one of too many")] * 1000, within=1.0)
        except OverloadedError as error:
            left = weakref.ref(error)
        assert left() is None


def refused() -> Work[str]:
    def work(_: Laps) -> str:
        raise InputError("no words")

    return work
