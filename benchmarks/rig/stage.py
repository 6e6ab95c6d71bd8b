"""A service on a store of its own, with a key, departments to tell, and a database to break."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from benchmarks.rig.postgres import Postgres, postgres
from benchmarks.rig.service import Service, new_key
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store.database import connect
from serving.store.rows.outbox import DepartmentRow


@dataclass(frozen=True)
class Stage:
    """`postgres` is there where the store is one of its own."""

    service: Service
    token: str
    folder: Path
    postgres: Postgres | None

    @property
    def url(self) -> str:
        """The store."""
        return self.service.database_url


@contextmanager
def staged(
    database: str = "sqlite",
    bundle: Path | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    webhook: str | None = None,
) -> Iterator[Stage]:
    """A service that is ready, gone afterwards with its store unless `database` is a URL.

    `database` is sqlite, postgres or a URL. With `webhook`, every department is told there.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suda")))
        server = stack.enter_context(postgres()) if database == "postgres" else None
        own = server.url if server else f"sqlite:///{folder}/suda.sqlite3"
        url = own if database in ("sqlite", "postgres") else database
        chosen = {"SUDA_BUNDLE": str(bundle.resolve())} if bundle else {}
        service = Service(folder, url, {**chosen, **(settings or {})})
        token = new_key(url)
        if webhook:
            tell_all(url, bundle, webhook)
        stack.callback(service.stop)
        service.start()
        yield Stage(service, token, folder, server)


def tell_all(url: str, bundle: Path | None, webhook: str) -> None:
    """Give every department of the bundle's policy the same webhook."""
    pipeline = Pipeline.open(Settings(bundle=bundle))
    now = datetime.now(UTC)
    departments = pipeline.policies.at(now).pack.departments.departments
    engine = connect(url)
    try:
        with Session(engine) as session, session.begin():
            for department in departments:
                session.add(
                    DepartmentRow(
                        id=department.code,
                        webhook=webhook,
                        secret="benchmark-" + "0" * 32,
                        enabled=True,
                        concurrency=2,
                        updated_at=now,
                        updated_by="benchmark",
                    )
                )
    finally:
        engine.dispose()
