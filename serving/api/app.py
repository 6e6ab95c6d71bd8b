"""Assemble the application from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI

from serving.api import (
    admin_keys,
    audit,
    classify,
    delivery,
    description,
    events,
    feedback,
    health,
    job_service,
    jobs,
    limits,
    models,
    outbox_admin,
    policies,
    problems,
    security,
    statistics,
    taxonomy,
)
from serving.api.looking import watching
from serving.api.quick import Quick
from serving.api.startup import opened, tending
from serving.api.state import State
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.telemetry import tracing
from serving.telemetry.metrics import Metrics
from serving.telemetry.middleware import Telemetry
from serving.web import pages

DESCRIPTION = """
Chinese bank complaints in, complete decisions out: product line and issue type (JR/T 0169-2018),
urgency, departments, deadlines with their legal basis, confidence and evidence.
"""


def create_app(settings: Settings, pipeline: Pipeline | None = None) -> FastAPI:
    """The application; `pipeline` is opened from the settings unless given."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened(settings, metrics, pipeline) as state:
            async with (
                tending(state),
                delivery.delivering(state),
                security.guarded(app, settings, state),
                job_service.working(app, state),
            ):
                app.state.suda = state
                with watching(state, app.state) if settings.web else nullcontext():
                    yield
        if flush is not None:
            flush()

    app = FastAPI(
        title="Suda 诉达",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        # The pages that come with FastAPI load their scripts from another host.
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
    )
    largest = settings.max_job_bytes + jobs.FORM_BYTES
    larger = {jobs.router.prefix: largest, "/ui/admin/jobs": largest}
    app.add_middleware(limits.BodyLimit, max_bytes=settings.max_body_bytes, larger=larger)
    problems.install(app)
    for module in (
        classify,
        feedback,
        taxonomy,
        admin_keys,
        audit,
        jobs,
        models,
        events,
        outbox_admin,
        policies,
        statistics,
    ):
        app.include_router(module.router, responses=security.REFUSALS)
    app.include_router(health.router)
    description.install(app)
    if settings.web:
        pages.install(app, settings)
    app.add_middleware(Quick, endpoint=classify.classify)
    flush = tracing.install(app, settings) if tracing.wanted(settings) else None
    security.install(app, settings)
    # The last one added is the outermost: every answer has an id, a log line and its figures.
    app.add_middleware(Telemetry, metrics=metrics, version=lambda: _version(app))
    return app


def _version(app: FastAPI) -> str | None:
    """The model that serves; None before start-up is complete."""
    state: State | None = getattr(app.state, "suda", None)
    return state.intake.pipeline.classifier.version if state else None
