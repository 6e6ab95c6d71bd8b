"""Assemble the application from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

from serving.api import classify, health, limits, problems, taxonomy
from serving.api.state import State
from serving.intake import Intake
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store.database import connect, migrate
from serving.store.store import Store

DESCRIPTION = """
Chinese bank complaints in, complete decisions out: product line and issue type (JR/T 0169-2018),
urgency, departments, deadlines with their legal basis, confidence and evidence.
"""


def create_app(settings: Settings, pipeline: Pipeline | None = None) -> FastAPI:
    """The application; `pipeline` is opened from the settings unless given."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = connect(settings.database_url)
        migrate(engine)
        store = Store(engine)
        executor = ThreadPoolExecutor(settings.workers, thread_name_prefix="classify")
        ready = pipeline or Pipeline.open(settings)
        app.state.suda = State(settings, Intake(ready, store), executor)
        try:
            yield
        finally:
            executor.shutdown(wait=True)
            store.close()

    app = FastAPI(title="Suda 诉达", version="1", description=DESCRIPTION, lifespan=lifespan)
    app.add_middleware(limits.BodyLimit, max_bytes=settings.max_body_bytes)
    problems.install(app)
    for module in (classify, taxonomy, health):
        app.include_router(module.router)
    return app
