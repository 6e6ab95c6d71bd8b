"""Open everything a running application needs, in order, and close it in the reverse."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from data.records import Complaint
from model.golden import texts_of
from model.threads import effective_cpus
from serving.api.state import State
from serving.demo.mark import is_demo
from serving.engine.cache import CachedClassifier
from serving.engine.engine import Engine, Limits
from serving.engine.garbage import settled
from serving.engine.ticker import Ticker
from serving.engine.warmup import measure
from serving.intake import Intake
from serving.models.startup import champion, looked_after
from serving.pipeline import Outcome, Pipeline
from serving.policies.startup import followed
from serving.review import opening
from serving.review.desk import Desk, Terms
from serving.settings import Settings
from serving.store import cases, job_items
from serving.store.commit import Committer, paced
from serving.store.database import checkpoint, connect, migrate
from serving.store.store import Store
from serving.telemetry.metrics import Metrics
from serving.telemetry.observe import EngineObserver, observe_decision
from serving.triage.schema import Roles
from serving.workers.pool import Pool

log = logging.getLogger("suda")

# Threads for queries beside the engine: they wait for the database, not for a processor.
_QUERY_THREADS = 8
_TEND_SECONDS = 0.5
_CHECKPOINT_SECONDS = 1.0
# Share of a deadline in which complaints are let in, see `Limits`.
_PROMISED = 0.7


@contextmanager
def opened(settings: Settings, metrics: Metrics, given: Pipeline | None) -> Iterator[State]:
    """Everything open and warmed up. Raises BundleError, PolicyError, InputError or NotReadyError
    where something cannot be opened.
    """
    with ExitStack() as stack:
        # First: the processes import and this one opens everything else at the same time.
        processes = Pool(0 if given else settings.processes, seconds=settings.stuck_seconds * 2 / 3)
        stack.callback(processes.close)
        processes.begin()
        engine = connect(settings.database_url, settings)
        migrate(engine)
        store = Store(engine)
        store.attach(job_items.decided)
        stack.callback(store.close)
        executor = ThreadPoolExecutor(_QUERY_THREADS, thread_name_prefix="suda-query")
        stack.callback(executor.shutdown, wait=True)
        running = _engine(settings, metrics)
        committer = _committer(settings, store, metrics, running)
        committer.start()
        stack.callback(committer.close, settings.shutdown_seconds)
        running.start()
        stack.callback(running.close, settings.shutdown_seconds)
        # Held by the state alone, or the first model would stay in memory after it is replaced.
        state = State(
            settings,
            Intake(given or champion(settings, processes), store, committer, _counted(metrics)),
            executor,
            running,
            metrics,
            processes,
        )
        with store.session() as session:
            state.demo = is_demo(session)
        _warm_up(running, state.intake.pipeline)
        # Only now: what the cache answers says nothing about capacity.
        stack.enter_context(looked_after(state, given=given is not None))
        stack.enter_context(followed(state))
        _open_cases(state)
        _gauges(state)
        copying = Ticker("checkpoint", _CHECKPOINT_SECONDS, lambda: checkpoint(engine))
        copying.start()
        stack.callback(copying.stop)
        stack.enter_context(settled())
        yield state


async def tended(state: State) -> None:
    """Look after the threads until cancelled."""
    while True:
        await asyncio.sleep(_TEND_SECONDS)
        try:
            state.tend()
        except RuntimeError as error:
            # The system gives no thread now; perhaps it does in the next turn.
            log.error("threads could not be replaced: %s", error)


@contextlib.asynccontextmanager
async def tending(state: State) -> AsyncIterator[None]:
    """Look after the threads in the meantime."""
    task = asyncio.create_task(tended(state))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _open_cases(state: State) -> None:
    """From now on each decision opens a case; complaints from before there were any get theirs."""
    store = state.intake.store

    def roles_at(when: datetime) -> Roles:
        return state.intake.pipeline.policies.at(when).roles

    opened = 0
    while True:
        with store.session.begin() as session:
            added = cases.backfill(session, roles_at, datetime.now(UTC))
        if not added:
            break
        opened += added
    if opened:
        log.info("opened cases for %d complaints of an earlier version", opened)
    store.attach(cases.opener(roles_at, lambda: datetime.now(UTC)))
    _open_reviews(state)


def _open_reviews(state: State) -> None:
    """From now on each decision in doubt is queued; cases that wait and are not, get queued now."""

    def desk() -> Desk:
        pipeline = state.intake.pipeline
        return Desk(pipeline.taxonomy, pipeline.policies, Terms.of(state.settings))

    store = state.intake.store
    while True:
        with store.session.begin() as session:
            added = opening.adopt(session, desk(), datetime.now(UTC))
        if not added:
            break
        log.info("queued %d complaints that wait for a review", added)
    store.attach(opening.opener(desk, lambda: datetime.now(UTC)))


def _counted(metrics: Metrics) -> Callable[[Outcome], None]:
    return functools.partial(observe_decision, metrics)


def _committer(settings: Settings, store: Store, metrics: Metrics, engine: Engine) -> Committer:
    least, most = settings.commit_interval_ms / 1000, settings.commit_interval_most_ms / 1000
    return Committer(
        store.save_group,
        threads=1 if store.engine.dialect.name == "sqlite" else settings.committers,
        max_group=settings.max_group,
        stuck_after=settings.stuck_seconds,
        on_group=metrics.group_texts.observe,
        interval=paced(least, most, lambda: engine.backlog_seconds),
    )


def _engine(settings: Settings, metrics: Metrics) -> Engine:
    if settings.workers > effective_cpus():
        log.warning(
            "SUDA_WORKERS=%d on %d processors: answers will wait for each other",
            settings.workers,
            effective_cpus(),
        )
    limits = Limits(
        settings.workers,
        settings.max_waiting,
        settings.stuck_seconds,
        _PROMISED,
        # Without processes nothing could end what hangs, and those taken with it would hang too.
        settings.max_together if settings.processes else 1,
    )
    return Engine(limits, observer=EngineObserver(metrics))


def _warm_up(engine: Engine, pipeline: Pipeline) -> None:
    when = datetime.now(UTC)
    texts = texts_of(pipeline.taxonomy)
    speed = measure(engine, lambda text: pipeline.decide(Complaint(text, when), "warm-up"), texts)
    log.info(
        "%s warmed up: %.0f texts a second on %d threads",
        pipeline.classifier.version,
        speed,
        engine.crew.size,
    )


def _gauges(state: State) -> None:
    metrics, engine = state.metrics, state.engine
    within = state.settings.deadline_ms / 1000
    metrics.watch(metrics.queue, lambda: engine.waiting)
    metrics.watch(metrics.queue_limit, lambda: engine.capacity.limit(within))
    metrics.watch(metrics.in_progress, lambda: engine.in_progress)
    metrics.watch(metrics.capacity, lambda: engine.capacity.per_second)
    metrics.watch(metrics.ready, lambda: float(not state.faults()))
    for name, crew in (("classify", engine.crew), ("commit", state.intake.committer.crew)):
        metrics.watch(metrics.threads.labels(name), crew.healthy)
        metrics.threads_wanted.labels(name).set(crew.size)
    metrics.watch(metrics.threads.labels("processes"), state.processes.healthy)
    metrics.threads_wanted.labels("processes").set(state.processes.size)
    metrics.watch(metrics.cache_hits, lambda: _cache(state).hits)
    metrics.watch(metrics.cache_misses, lambda: _cache(state).misses)


def _cache(state: State) -> CachedClassifier | _NoCache:
    """The champion's cache, a new one with every model."""
    classifier = state.intake.pipeline.classifier
    return classifier if isinstance(classifier, CachedClassifier) else _NoCache()


@dataclass(frozen=True)
class _NoCache:
    hits: int = 0
    misses: int = 0
