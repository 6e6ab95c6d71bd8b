"""A group waits for more while there is more to come, and a single entry for nothing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from serving.store.commit import Committer
from serving.store.entry import Entry, Saved

PATIENCE = 60.0


@dataclass
class _Groups:
    """Takes entries (any object will do), and tells each group's size."""

    sizes: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)

    def save(self, entries: Sequence[Entry]) -> list[Saved | Exception]:
        self.sizes.put(len(entries))
        return [Saved(b"", replayed=False)] * len(entries)


def _committer(groups: _Groups, linger: float, more: Callable[[], bool]) -> Committer:
    committer = Committer(groups.save, linger=linger, more=more)
    committer.start()
    return committer


@pytest.mark.parametrize("more", [False, True])
def test_it_waits_only_while_there_is_more_to_come(more: bool) -> None:
    groups, coming = _Groups(), threading.Event()
    if more:
        coming.set()
    # Far longer than the test may take: whoever waits for it, fails.
    committer = _committer(groups, 10 * PATIENCE, coming.is_set)
    entry: Any = object()
    first = committer.submit(entry)
    if not more:
        assert groups.sizes.get(timeout=PATIENCE) == 1
    else:
        second = committer.submit(entry)
        with pytest.raises(queue.Empty):
            groups.sizes.get(timeout=0.2)
        coming.clear()
        third = committer.submit(entry)
        assert groups.sizes.get(timeout=PATIENCE) == 3
        second.result(PATIENCE)
        third.result(PATIENCE)
    first.result(PATIENCE)
    assert committer.close(PATIENCE)


def test_it_waits_no_longer_than_it_may() -> None:
    groups = _Groups()
    committer = _committer(groups, 0.05, lambda: True)
    entry: Any = object()
    assert committer.submit(entry).result(PATIENCE) == Saved(b"", replayed=False)
    assert groups.sizes.get(timeout=PATIENCE) == 1
    assert committer.close(PATIENCE)


def test_closing_ends_the_wait() -> None:
    groups = _Groups()
    committer = _committer(groups, 10 * PATIENCE, lambda: True)
    entry: Any = object()
    future = committer.submit(entry)
    assert committer.close(PATIENCE)
    assert future.result(0) == Saved(b"", replayed=False)
