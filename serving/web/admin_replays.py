"""Replays of policy packs in the background: one at a time, and complaints go first."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from data.errors import SudaError
from data.records import Complaint
from serving.api.state import State
from serving.engine.ticker import give_way
from serving.models.shadow import spare
from serving.policies.replay import Replay, replay
from serving.store import policies
from serving.triage.policy import PolicySet

log = logging.getLogger("suda")

_KEPT = 16
# How long a complaint of a replay gives way to those that somebody waits for.
_PATIENCE, _LOOK = 0.25, 0.01


class _StoppedError(SudaError):
    """The service stops before the replay is through."""


@dataclass
class Run:
    """A replay: `done` of `total` complaints, then what was `found`, or a `fault` in Chinese.

    `activation` is the number of the one that held when it began.
    """

    key: str
    last: int
    who: str
    begun_at: datetime
    activation: int
    before: PolicySet
    after: PolicySet
    total: int | None = None
    done: int = 0
    found: Replay | None = None
    fault: str = ""

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        return self.found is not None or bool(self.fault)

    @property
    def share(self) -> float:
        """How far it is."""
        return self.done / self.total if self.total else 0.0


@dataclass
class Replays:
    """The last replay of each pack, in this process's memory."""

    _runs: dict[str, Run] = field(default_factory=dict)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "suda-replay", initializer=give_way)
    )

    def of(self, key: str) -> Run | None:
        """The last one of a pack."""
        return self._runs.get(key)

    def begin(self, state: State, run: Run) -> Run:
        """Queue a replay; the one of the same pack where that has not ended."""
        present = self._runs.get(run.key)
        if present is not None and not present.ended:
            return present
        self._runs.pop(run.key, None)
        while len(self._runs) >= _KEPT:
            self._runs.pop(next(iter(self._runs)))
        self._runs[run.key] = run
        self._thread.submit(_work, state, run)
        return run


def _work(state: State, run: Run) -> None:
    pipeline = state.intake.pipeline
    try:
        with state.intake.store.session() as session:
            past = policies.past(session, run.last)
        run.total = len(past)
        run.found = replay(
            _patiently(state, run, past),
            pipeline.classifier,
            pipeline.taxonomy,
            run.before,
            run.after,
        )
    except _StoppedError:
        run.fault = "服务正在停止，试算已中断。"
    except Exception as error:  # noqa: BLE001 - whatever it is, who waits must hear of it
        log.error("the replay of policy pack %s failed: %s", run.key, type(error).__name__)
        run.fault = "试算没有完成，请稍后重试；如反复出现，请查看服务日志。"


def _patiently(
    state: State, run: Run, past: Sequence[tuple[str, Complaint]]
) -> Iterator[tuple[str, Complaint]]:
    idle = spare(state.engine)
    for one in past:
        until = time.monotonic() + _PATIENCE
        while not idle() and time.monotonic() < until:
            time.sleep(_LOOK)
        if state.draining:
            raise _StoppedError("the service is stopping")
        yield one
        run.done += 1
