"""Open the champion, and run what looks after models while the service runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from model import golden
from model.registry.resolve import resolve
from serving.api.state import State
from serving.engine.ticker import Ticker, give_way
from serving.models.drift import DriftWatch
from serving.models.follow import Follower
from serving.models.selftest import self_test
from serving.models.shadow import spare
from serving.models.switchboard import Switchboard
from serving.monitoring import sample
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.workers.pool import Pool

PINNED = "SUDA_BUNDLE fixes what serves: unset it to change models while the service runs"
GIVEN = "what serves was handed over when the service was started"


def champion(settings: Settings, processes: Pool) -> Pipeline:
    """What serves first, tested and warm, answered by the worker processes.

    Raises BundleError, TaxonomyError, PolicyError or RegistryError where it cannot be opened,
    ModelRefusedError where it does not answer as it must.
    """
    pipeline = Pipeline.open(settings)
    path = resolve(settings.bundle, settings.registry)
    recorded = golden.read(path)
    classifier = processes.share(pipeline.classifier, path, needed=False)
    pipeline = replace(pipeline, classifier=classifier)
    processes.equip(pipeline)
    self_test(pipeline, recorded, datetime.now(UTC))
    return pipeline


@contextmanager
def looked_after(state: State, *, given: bool) -> Iterator[None]:
    """Set `state.models`, with shadow and canary as the registry says, and follow it meanwhile."""
    settings = state.settings
    pinned = GIVEN if given else PINNED if settings.bundle else None
    board = state.models = Switchboard(state, pinned=pinned)
    state.metrics.watch(state.metrics.models_held, board.held)
    follower = Follower(board)
    follower.turn()
    tickers = [Ticker("models", settings.registry_seconds, follower.turn)]
    if settings.drift_minutes:
        tickers.append(_drift(state, board))
    for ticker in tickers:
        ticker.start()
    try:
        yield
    finally:
        for ticker in tickers:
            ticker.stop()
        board.close()


def _drift(state: State, board: Switchboard) -> Ticker:
    sessions = state.intake.store.session

    def texts(since: datetime, until: datetime, most: int) -> list[str]:
        with sessions() as session:
            return sample(session, since, until, most)

    seconds = state.settings.drift_minutes * 60
    ticker = Ticker("drift", seconds, lambda: watch.turn(), begin=give_way)
    watch = DriftWatch(
        state.settings,
        state.metrics,
        classifier=lambda: board.lineup.champion.bare.classifier,
        texts=texts,
        spare=spare(state.engine),
        stopped=ticker.stopped,
    )
    return ticker
