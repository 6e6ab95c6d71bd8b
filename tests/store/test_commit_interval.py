"""After a pause an entry waits for nothing; those that follow gather."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest

from serving.store.commit import Committer, paced
from serving.store.entry import Entry, Saved

PATIENCE = 60.0


@dataclass
class _Groups:
    """Takes entries (any object will do), and tells each group's size."""

    sizes: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)

    def save(self, entries: Sequence[Entry]) -> list[Saved | Exception]:
        self.sizes.put(len(entries))
        return [Saved(b"", replayed=False)] * len(entries)


def _committer(groups: _Groups, interval: float) -> Committer:
    committer = Committer(groups.save, interval=lambda: interval)
    committer.start()
    return committer


def _gathering(committer: Committer, groups: _Groups, number: int) -> list[Future[Saved]]:
    """So many entries that are submitted and not saved yet."""
    entry: Any = object()
    futures = [committer.submit(entry) for _ in range(number)]
    with pytest.raises(queue.Empty):
        groups.sizes.get(timeout=0.2)
    return futures


def test_the_first_waits_for_nothing_and_those_after_it_gather() -> None:
    groups = _Groups()
    # Far longer than the test may take: whoever waits for it, fails.
    committer = _committer(groups, 10 * PATIENCE)
    entry: Any = object()
    committer.submit(entry).result(PATIENCE)
    assert groups.sizes.get(timeout=PATIENCE) == 1
    following = _gathering(committer, groups, 3)
    assert committer.close(PATIENCE)
    assert groups.sizes.get(timeout=PATIENCE) == 3
    assert [future.result(0) for future in following] == [Saved(b"", replayed=False)] * 3


def test_nobody_waits_longer_than_the_interval() -> None:
    groups = _Groups()
    committer = _committer(groups, 0.05)
    entry: Any = object()
    for _ in range(3):
        assert committer.submit(entry).result(PATIENCE) == Saved(b"", replayed=False)
        assert groups.sizes.get(timeout=PATIENCE) == 1
    assert committer.close(PATIENCE)


def test_a_full_group_waits_for_nothing() -> None:
    groups = _Groups()
    committer = Committer(groups.save, interval=lambda: 10 * PATIENCE, max_group=2)
    entry: Any = object()
    futures = [committer.submit(entry) for _ in range(4)]
    committer.start()
    for future in futures:
        future.result(PATIENCE)
    assert [groups.sizes.get(timeout=PATIENCE) for _ in range(2)] == [2, 2]
    assert committer.close(PATIENCE)


def test_a_group_that_gathers_goes_once_it_is_full() -> None:
    groups = _Groups()
    committer = Committer(groups.save, interval=lambda: 10 * PATIENCE, max_group=3)
    entry: Any = object()
    committer.start()
    committer.submit(entry).result(PATIENCE)
    assert groups.sizes.get(timeout=PATIENCE) == 1
    following = _gathering(committer, groups, 2)
    following.append(committer.submit(entry))
    for future in following:
        future.result(PATIENCE)
    assert groups.sizes.get(timeout=PATIENCE) == 3
    assert committer.close(PATIENCE)


def test_the_interval_is_asked_for_with_each_group() -> None:
    groups = _Groups()
    intervals = iter([0.0, 10 * PATIENCE, 0.0])
    committer = Committer(groups.save, interval=lambda: next(intervals))
    entry: Any = object()
    committer.start()
    committer.submit(entry).result(PATIENCE)
    assert groups.sizes.get(timeout=PATIENCE) == 1
    # The second group gathers until it is told to end; the first has no say in that.
    following = _gathering(committer, groups, 2)
    assert committer.close(PATIENCE)
    assert groups.sizes.get(timeout=PATIENCE) == 2
    assert all(future.done() for future in following)


@pytest.mark.parametrize(
    ("backlog", "least", "most", "expected"),
    [
        (0.0, 0.015, 0.06, 0.015),
        (0.08, 0.015, 0.06, 0.04),
        (5.0, 0.015, 0.06, 0.06),
        (5.0, 0.1, 0.06, 0.1),
    ],
)
def test_groups_grow_with_the_line_and_not_without_end(
    backlog: float, least: float, most: float, expected: float
) -> None:
    assert paced(least, most, lambda: backlog)() == expected
