"""The committer: nobody is answered before the transaction is through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait

import pytest

from data.errors import ConflictError, StoreDownError
from serving.store.commit import Committer
from serving.store.entry import Entry, Saved
from serving.store.store import Store
from serving.store.tables import ComplaintRow
from tests.engine.kit import SOON, until
from tests.store.kit import count, entry


class Door:
    """A store that saves when it is let; `groups` is what it was handed."""

    def __init__(self) -> None:
        self.groups: list[list[Entry]] = []
        self.entered = threading.Semaphore(0)
        self.let = threading.Semaphore(0)

    def save_group(self, entries: Sequence[Entry]) -> list[Saved | Exception]:
        self.groups.append(list(entries))
        self.entered.release()
        assert self.let.acquire(timeout=SOON)
        return [Saved(e.body, replayed=False) for e in entries]


Make = Callable[..., Committer]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Committer] = []

    def committer(save: object, **options: object) -> Committer:
        made.append(Committer(save, **options))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield committer
    for one in made:
        one.close(SOON)


def test_what_gathers_during_a_commit_is_the_next_group(make: Make) -> None:
    door = Door()
    sizes: list[int] = []
    committer = make(door.save_group, max_group=5, on_group=sizes.append)
    first = committer.submit(entry())
    assert door.entered.acquire(timeout=SOON)
    later = [committer.submit(entry(f"{i}")) for i in range(7)]
    assert not first.done()
    door.let.release()
    first.result(SOON)
    assert door.entered.acquire(timeout=SOON)
    assert not any(f.done() for f in later)
    door.let.release(2)
    wait(later, SOON)
    assert sizes == [1, 5, 2]
    assert [e.complaint.text for g in door.groups[1:] for e in g] == [str(i) for i in range(7)]


def test_a_caller_is_answered_only_once_its_row_is_durable(store: Store, make: Make) -> None:
    """From another connection, the row is there the moment the future is done."""
    committer = make(store.save_group)
    entries = [entry(f"第{i}件") for i in range(60)]
    missing: list[str] = []

    def caller(mine: Sequence[Entry]) -> None:
        for one in mine:
            saved = committer.save(one)
            if store.decision(one.complaint_id) != one.body or saved.body != one.body:
                missing.append(one.complaint_id)

    threads = [threading.Thread(target=caller, args=(entries[i::6],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert count(store, ComplaintRow) == 60


def test_replays_and_conflicts_from_many_threads_at_once(store: Store, make: Make) -> None:
    """Twelve send the same, four something else under its id: one row, one answer, four noes."""
    committer = make(store.save_group, threads=2 if store.engine.name == "postgresql" else 1)
    same = [entry("一", external_id="1", key=f"k{i}") for i in range(12)]
    other = [entry("二", external_id="1") for _ in range(4)]
    futures = [committer.submit(e) for pair in zip(same[:4], other, strict=True) for e in pair]
    futures += [committer.submit(e) for e in same[4:]]
    wait(futures, SOON)
    saved = [f.result() for f in futures if f.exception() is None]
    refused = [f.exception() for f in futures if f.exception() is not None]
    assert count(store, ComplaintRow) == 1
    assert len({s.body for s in saved}) == 1
    assert sum(not s.replayed for s in saved) == 1
    assert all(isinstance(e, ConflictError) for e in refused)
    assert {len(saved), len(refused)} == {12, 4}


def test_a_failing_store_is_each_caller_s_answer_and_not_the_end(make: Make) -> None:
    down = [True]

    def save(entries: Sequence[Entry]) -> list[Saved | Exception]:
        if down:
            raise StoreDownError("gone")
        return [Saved(e.body, replayed=False) for e in entries]

    committer = make(save)
    with pytest.raises(StoreDownError):
        committer.save(entry())
    down.clear()
    assert not committer.save(entry()).replayed
    assert committer.crew.healthy() == 1


def test_a_dead_committer_is_seen_and_replaced(make: Make) -> None:
    deadly = [True]

    def save(entries: Sequence[Entry]) -> list[Saved | Exception]:
        if deadly and deadly.pop():
            raise SystemExit
        return [Saved(e.body, replayed=False) for e in entries]

    committer = make(save)
    assert isinstance(committer.submit(entry()).exception(SOON), SystemExit)
    until(lambda: committer.crew.healthy() == 0)
    waiting = committer.submit(entry())
    assert committer.crew.tend() == 1
    assert not waiting.result(SOON).replayed


def test_what_was_decided_cannot_be_called_back(make: Make) -> None:
    door = Door()
    committer = make(door.save_group)
    future = committer.submit(entry())
    assert not future.cancel()
    door.let.release()
    future.result(SOON)


def test_closing_saves_what_waits(store: Store, make: Make) -> None:
    committer = make(store.save_group, max_group=3)
    futures = [committer.submit(entry(f"{i}")) for i in range(10)]
    assert committer.close(SOON)
    assert all(f.done() for f in futures)
    assert count(store, ComplaintRow) == 10
