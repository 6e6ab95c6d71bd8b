"""The one place where it is said which models answer: let in, put in place, let go."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from data.errors import SudaError
from model.classifier import Classifier
from model.registry.registry import Registry
from serving.engine.engine import Engine
from serving.engine.garbage import give_back
from serving.intake import Intake
from serving.models.candidate import opened
from serving.models.errors import ModelRefusedError, PinnedError
from serving.models.lineup import Lineup, Served
from serving.models.record import Record
from serving.models.selftest import relative_cost, self_test
from serving.models.shadow import Shadow, spare
from serving.models.tally import Tally
from serving.pipeline import Outcome, Pipeline
from serving.settings import Settings
from serving.store import shadow as shadow_store
from serving.telemetry.metrics import Metrics
from serving.triage.policy import PolicySet
from serving.triage.policy import load as load_policy
from serving.workers.pool import Pool

log = logging.getLogger("suda.models")

# How long a shadow's disagreements are kept one by one; their counts stay.
_KEPT = timedelta(days=90)


class Seat(Protocol):
    """Where requests look for what answers them: they read `intake` once."""

    settings: Settings
    intake: Intake
    engine: Engine
    metrics: Metrics
    processes: Pool


@dataclass(frozen=True, slots=True)
class Fault:
    """What was asked for and did not come about."""

    version: str | None
    message: str
    at: datetime


class Switchboard:
    """Puts models in place. One change at a time; requests are never held up by one.

    A change is one assignment of `seat.intake`: a request that has read the old one is answered by
    the old models, and they are gone once the last such request is. Nothing is changed where
    loading or testing fails. `pinned` says why the model itself may not be changed, if so.
    """

    def __init__(self, seat: Seat, *, pinned: str | None = None) -> None:
        self.settings = seat.settings
        self.metrics = seat.metrics
        self.registry = Registry(seat.settings.registry)
        self.pinned = pinned
        self.tally = Tally()
        self.record = Record(seat.intake.store.session)
        self.fault: Fault | None = None
        # Canaries that ended here, by number, whether the registry could be told or not.
        self.ended: set[int] = set()
        self._seat = seat
        self._lock = threading.Lock()
        self._opened: list[weakref.ref[Classifier]] = []
        # How many were ever in memory, and how many of those had gone at the last look.
        self._loaded = self._gone = 0
        self._shadow: Shadow | None = None
        self._lineup = Lineup(self._served(seat.intake.pipeline))
        self._heard = seat.intake.on_decided
        seat.intake = replace(seat.intake, on_decided=self._decided, on_failed=self._failed)
        self._place(self._lineup)

    @property
    def lineup(self) -> Lineup:
        """What is in use."""
        return self._lineup

    @property
    def shadowing(self) -> Shadow | None:
        """The shadow at work."""
        return self._shadow

    def held(self) -> int:
        """How many models are in memory: those in use, and old ones not yet let go of."""
        self._opened = [ref for ref in self._opened if ref() is not None]
        return len(self._opened)

    def tidy(self) -> None:
        """Give the memory of models back that were let go of since the last time."""
        before, self._gone = self._gone, self._loaded - self.held()
        if self._gone > before:
            give_back()

    @contextmanager
    def changing(self, *, models: bool = True) -> Iterator[None]:
        """Nobody else changes anything meanwhile. Raises PinnedError where `models` may not be."""
        if models and self.pinned:
            raise PinnedError(self.pinned, field="model")
        with self._lock:
            yield

    def fetch(self, version: str) -> Served:
        """A registered version, tested and warm; the one in use where it is.

        Raises NotFoundError for an unknown one, ModelRefusedError where it may not be let in.
        """
        if (loaded := self._lineup.find(version)) is not None:
            return loaded
        known = self.registry.state().versions
        try:
            path = self.registry.bundle_of(version)
        except SudaError as error:
            if version not in known:
                raise
            raise ModelRefusedError("load", str(error), field=version) from error
        champion = self._lineup.champion.bare
        taxonomy = self.settings.taxonomy
        now, processes = datetime.now(UTC), self._seat.processes
        return self._served(opened(path, version, champion, taxonomy, now, processes))

    def place(self, lineup: Lineup) -> None:
        """From now on these answer. Within `changing` only."""
        before = self._lineup
        if lineup.champion.version != before.champion.version:
            self._expect(lineup.champion, before.champion)
        self._place(lineup)
        if lineup.champion.pipeline is not before.champion.pipeline:
            self.metrics.model_swaps.labels("done").inc()
            self.record.serves(lineup.champion.pipeline)
            log.info("%s serves, after %s", lineup.champion.version, before.champion.version)

    def refuse(self, actor: str, error: SudaError) -> None:
        """Keep, count and record why a change did not come about."""
        self.fault = Fault(error.field, error.message, datetime.now(UTC))
        self.metrics.model_swaps.labels("refused").inc()
        details = {"model": error.field, "why": error.message}
        self.record.add(actor, "model.refused", "models", details)
        log.error("%s is not let in: %s", error.field, error.message)

    def reload_policy(self, policies: PolicySet | Path, *, who: str, why: str) -> None:
        """Decide by other policies from now on, by the same way as a model comes in.

        `policies` are parsed against the present taxonomy, or a directory that holds them. Raises
        PolicyError where they are wrong in themselves, ModelRefusedError where no decision can be
        made by them; then the old ones go on.
        """
        with self.changing(models=False):
            lineup = self._lineup
            taxonomy = lineup.champion.bare.taxonomy
            if isinstance(policies, Path):
                policies = load_policy(policies, taxonomy)
            following = lineup.under(policies)
            now = datetime.now(UTC)
            self._seat.processes.equip(following.champion.bare)
            try:
                self_test(following.champion.bare, None, now)
            except ModelRefusedError as error:
                self._seat.processes.equip(lineup.champion.bare)
                self.refuse(who, error)
                raise
            self.place(following)
        old, new = lineup.champion.bare.policies, policies
        details = {"before": old.at(now).stamp, "after": new.at(now).stamp, "why": why}
        self.record.add(who, "policy.reload", "policy", details)

    def close(self) -> None:
        """End the shadow's work."""
        if self._shadow is not None:
            self._shadow.close()

    def _decided(self, outcome: Outcome) -> None:
        self._heard(outcome)
        needed = outcome.answer["review"]["needed"]
        self.tally.decided(outcome.versions["model"], review=needed, seconds=outcome.seconds)

    def _failed(self, version: str) -> None:
        self.metrics.model_failures.labels(version).inc()
        self.tally.failed(version)

    def _served(self, bare: Pipeline) -> Served:
        self._opened.append(weakref.ref(bare.classifier))
        self._loaded += 1
        return Served.of(bare, datetime.now(UTC), self.settings.cache_texts)

    def _expect(self, new: Served, old: Served) -> None:
        """Admit by what the new one can do before its first complaint."""
        capacity = self._seat.engine.capacity
        try:
            cost = relative_cost(new.bare, old.bare, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - the old one may be what fails
            log.warning("the new model's speed is not known yet: %s", type(error).__name__)
            return
        capacity.reset(capacity.per_second / cost)

    def _place(self, lineup: Lineup) -> None:
        trial = lineup.trial
        if trial and (self._lineup.trial is None or self._lineup.trial.number != trial.number):
            self.tally.begin()
        for served in (lineup.champion, trial.served if trial else None, lineup.shadow):
            if served is not None:
                self._seat.processes.equip(served.bare)
        shadow, ended = self._shadow_for(lineup.shadow)
        self._seat.intake = replace(
            self._seat.intake,
            pipeline=lineup.champion.pipeline,
            canary=trial.canary if trial else None,
            on_saved=shadow.offer if shadow else None,
        )
        self._lineup, self._shadow = lineup, shadow
        if ended is not None:
            ended.close()
        self._say(lineup)

    def _shadow_for(self, served: Served | None) -> tuple[Shadow | None, Shadow | None]:
        """The shadow that works from now on, and the one that ends."""
        working = self._shadow
        if served is None:
            return None, working
        if working and working.pipeline.classifier is served.bare.classifier:
            working.pipeline = served.bare
            return working, None
        began = Shadow(
            served.bare,
            size=self.settings.shadow_queue,
            spare=spare(self._seat.engine),
            save=self._keep,
            count=lambda outcome: self.metrics.shadow_texts.labels(outcome).inc(),
        )
        return began, working

    def _keep(self, results: Sequence[shadow_store.Result]) -> None:
        with self._seat.intake.store.session.begin() as session:
            shadow_store.save(session, results)
            shadow_store.prune(session, datetime.now(UTC) - _KEPT)
        for result in results:
            for field in result.differs:
                self.metrics.shadow_differs.labels(field).inc()

    def _say(self, lineup: Lineup) -> None:
        pipeline = lineup.champion.pipeline
        policy = pipeline.policies.at(datetime.now(UTC))
        self.metrics.serves(lineup.champion.version, pipeline.taxonomy.stamp, policy.stamp)
        self.metrics.canary_share.set(lineup.trial.share if lineup.trial else 0.0)
