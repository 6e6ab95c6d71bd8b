"""A model that answers unheard, when there is nothing else to do."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from data.records import Complaint
from serving.engine.engine import Engine
from serving.engine.ticker import give_way
from serving.models.compare import compared
from serving.pipeline import Outcome, Pipeline
from serving.store.shadow import Result
from serving.telemetry.logs import trail

log = logging.getLogger("suda.models")

# Seconds between two looks whether there is spare capacity, and until a result is written.
_LOOK, _LINGER = 0.005, 1.0
_GROUP = 64
# Results kept while the database does not answer.
_OWED = 1024


@dataclass(frozen=True, slots=True)
class _Heard:
    complaint: Complaint
    answer: dict[str, Any]


class Shadow:
    """Decides what was answered once more, on a thread of its own, and hands on the comparison.

    Complaints wait in a queue of `size`; one that finds it full is left out and counted. `spare`
    says whether there is capacity that nobody else wants, `save` stores results, `count` is told
    what became of each complaint: `decided`, `dropped`, `failed` or `lost`.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        size: int,
        spare: Callable[[], bool],
        save: Callable[[Sequence[Result]], None],
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.pipeline = pipeline
        self._spare = spare
        self._save = save
        self._count = count
        self._waiting: queue.Queue[_Heard] = queue.Queue(size)
        self._closed = threading.Event()
        self._results: list[Result] = []
        self._thread = threading.Thread(target=self._work, name="suda-shadow", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Complaints it has still to decide."""
        return self._waiting.qsize()

    def offer(self, complaint: Complaint, outcome: Outcome) -> None:
        """Let it decide this one some time; never blocks."""
        try:
            self._waiting.put_nowait(_Heard(complaint, outcome.answer))
        except queue.Full:
            self._count("dropped")

    def close(self, timeout: float = 5.0) -> None:
        """Write what was decided, forget what waits."""
        self._closed.set()
        self._thread.join(timeout)

    def _work(self) -> None:
        give_way()
        while not self._closed.is_set():
            try:
                heard = self._waiting.get(timeout=_LINGER)
            except queue.Empty:
                self._flush()
                continue
            if wait_for(self._spare, self._closed):
                self._decide(heard)
            if len(self._results) >= _GROUP:
                self._flush()
        self._flush()

    def _decide(self, heard: _Heard) -> None:
        complaint_id = heard.answer["complaint_id"]
        try:
            answer = self.pipeline.outcome(heard.complaint, complaint_id).answer
        except Exception as error:  # noqa: BLE001 - nobody waits for it; it is counted
            self._count("failed")
            log.warning("the shadow failed on a complaint: %s", trail(error))
            return
        self._results.append(compared(complaint_id, heard.answer, answer, datetime.now(UTC)))
        self._count("decided")

    def _flush(self) -> None:
        if not self._results:
            return
        try:
            self._save(self._results)
        except Exception as error:  # noqa: BLE001 - tried again with the next ones
            log.warning("shadow results are not stored yet: %s", trail(error))
            while len(self._results) > _OWED:
                self._results.pop(0)
                self._count("lost")
            return
        self._results = []


def spare(engine: Engine) -> Callable[[], bool]:
    """Whether nothing waits and a worker is idle."""
    return lambda: engine.waiting == 0 and engine.at_work < engine.crew.size


def wait_for(condition: Callable[[], bool], stopped: threading.Event) -> bool:
    """Wait until a condition holds; False where it was stopped before."""
    while not condition():
        if stopped.wait(_LOOK):
            return False
    return True
