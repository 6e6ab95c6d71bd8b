"""Have every decision's work orders written, and delivered beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from serving.api.state import State
from serving.intake import now
from serving.outbox import orders
from serving.outbox.background import background
from serving.outbox.departments import Directory
from serving.triage.policy import Policy

# Beyond an attempt's own time: to mark what came of it.
_MARKING_SECONDS = 5.0


@asynccontextmanager
async def delivering(state: State) -> AsyncIterator[None]:
    """In the meantime work orders go out and clocks are watched; what is on its way is waited for.

    Enter it before the audit trail's own hook, which must be the last of a transaction.
    """
    settings, metrics, store = state.settings, state.metrics, state.intake.store

    def policy(when: datetime) -> Policy:
        return state.intake.pipeline.policies.at(when)

    state.directory = Directory(store.session, policy, now)
    await asyncio.to_thread(state.directory.refresh)
    store.attach(orders.writer(lambda: state.directory.told, now))
    behind = background(settings, store.session, policy, state.directory, metrics, now)
    metrics.watch(metrics.threads.labels("outbox"), lambda: float(behind.alive()))
    metrics.threads_wanted.labels("outbox").set(1)
    behind.start()
    try:
        yield
    finally:
        grace = min(float(settings.shutdown_seconds), settings.webhook_timeout + _MARKING_SECONDS)
        await asyncio.to_thread(behind.close, grace)
