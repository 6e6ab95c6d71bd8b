"""/ui/admin/system: whether everything is in order, and what runs here."""

from __future__ import annotations

import asyncio
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi import Request, Response
from sqlalchemy import Engine

from data.errors import NotReadyError
from serving.api.health import readyz
from serving.api.state import State, StateDep
from serving.intake import now
from serving.store import outbox
from serving.store.database import MIGRATIONS
from serving.web.admin_settings import changed, database
from serving.web.auth import Admin
from serving.web.frame import page, router_for

router = router_for("/admin/system")

# A few seconds of a database that hangs are enough to know it.
_PATIENCE = 5.0


@router.get("")
async def shown(request: Request, state: StateDep, _: Admin) -> Response:
    """Readiness, versions, load, database, and the settings that were changed."""
    ready, fault = True, ""
    try:
        await readyz(state)
    except NotReadyError as error:
        ready, fault = False, error.message
    try:
        store = await asyncio.wait_for(state.run(lambda: _store(state)), _PATIENCE)
    except TimeoutError:
        store = {}
    return page(
        request,
        "admin_system.html",
        ready=ready,
        fault=fault,
        versions=_versions(state),
        load=_load(state),
        store=store,
        address=database(state.settings),
        settings=changed(state.settings),
    )


def _versions(state: State) -> list[tuple[str, str]]:
    pipeline = state.intake.pipeline
    try:
        own = version("suda")
    except PackageNotFoundError:
        own = "—"
    return [
        ("诉达", own),
        ("模型", pipeline.classifier.version),
        ("规则包", pipeline.policies.at(now()).stamp),
        ("分类体系", pipeline.taxonomy.stamp),
        ("Python", platform.python_version()),
        ("系统", platform.platform(terse=True)),
    ]


def _load(state: State) -> dict[str, Any]:
    engine, committer = state.engine, state.intake.committer.crew
    processes = state.processes
    within = state.settings.deadline_ms / 1000
    crews = [
        ("判定线程", engine.crew.healthy(), engine.crew.size),
        ("写库线程", committer.healthy(), committer.size),
    ]
    if processes.size:
        crews.append(("模型进程", processes.healthy(), processes.size))
    return {
        "waiting": engine.waiting,
        "limit": engine.capacity.limit(within),
        "in_progress": engine.in_progress,
        "per_second": engine.capacity.per_second,
        "crews": crews,
    }


def _store(state: State) -> dict[str, Any]:
    store = state.intake.store
    with store.session() as session:
        stands = outbox.standing(session)
    found, newest = revisions(store.engine)
    return {
        "kind": "PostgreSQL" if store.engine.dialect.name == "postgresql" else "SQLite",
        "version": ".".join(map(str, store.engine.dialect.server_version_info or ())),
        "revision": found,
        "newest": newest,
        "pending": stands.pending,
        "oldest": stands.oldest,
        "dead": stands.dead,
        "encrypted": state.settings.text_key is not None,
    }


def revisions(engine: Engine) -> tuple[str | None, str | None]:
    """The revision the database is at, and the newest this program knows."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    with engine.connect() as connection:
        return (
            MigrationContext.configure(connection).get_current_revision(),
            scripts.get_current_head(),
        )
