"""All pages, and how they come into the application."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from serving.settings import Settings
from serving.web import (
    account,
    admin_audit,
    admin_deliveries,
    admin_departments,
    admin_jobs,
    admin_keys,
    admin_models,
    admin_policies,
    admin_shadow,
    admin_system,
    admin_taxonomy,
    assets,
    boards,
    bulk,
    cases_list,
    complaint,
    complaint_acts,
    complaint_why,
    errors,
    find,
    home,
    item,
    oidc,
    queue,
    reports,
    signin,
    styles,
    users,
)
from serving.web.door import WebDoor
from serving.web.oidc import provider_of
from serving.web.visits import lifetime_of

# One line a module of pages; what stands on the left is in navigation.py.
ROUTERS: tuple[APIRouter, ...] = (
    assets.router,
    signin.router,
    oidc.router,
    account.router,
    boards.router,
    cases_list.router,
    complaint.router,
    complaint_acts.router,
    complaint_why.router,
    find.router,
    reports.router,
    home.root,
    home.router,
    users.router,
    admin_policies.router,
    admin_shadow.router,
    admin_models.router,
    admin_keys.router,
    admin_jobs.router,
    admin_audit.router,
    admin_system.router,
    admin_taxonomy.router,
    admin_departments.router,
    admin_deliveries.router,
    queue.router,
    item.router,
    bulk.router,
    styles.router,
)


def install(app: FastAPI, settings: Settings) -> None:
    """Add the pages. Call it after the API's error handlers are there."""
    for router in ROUTERS:
        app.include_router(router)
    app.state.web_lifetime = lifetime_of(settings)
    app.state.web_oidc = provider_of(settings)
    app.state.web_paths = frozenset(_paths())
    errors.install(app)
    app.add_middleware(WebDoor, settings=settings)


def _paths() -> Iterator[str]:
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
                yield route.path
