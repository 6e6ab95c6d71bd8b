"""Take the pack that the store says holds, and follow it while the service runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from serving.api.state import State
from serving.engine.ticker import Ticker
from serving.policies.follow import Follower
from serving.triage.policy import PolicySet


@contextmanager
def followed(state: State) -> Iterator[None]:
    """Set `state.packs`. Needs `state.models`."""
    first = state.intake.pipeline.policies

    def apply(policies: PolicySet | None) -> None:
        state.models.reload_policy(policies or first, who="suda", why="activated in the store")

    sessions = state.intake.store.session
    state.packs = Follower(sessions, lambda: state.intake.pipeline.taxonomy, apply)
    state.packs.follow()
    ticker = Ticker("policy", state.settings.registry_seconds, state.packs.follow)
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()
