"""A service that really listens, and a complaint to tell it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from serving.api.app import create_app
from serving.api.server import server
from serving.security.keys import SCOPES, Scope
from serving.settings import Settings
from serving.store import keys

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "clients"
TEXT = "手机银行转账五万八一直显示处理中，两天了对方没收到，再不解决我就打12378"
# A machine may be busy with other things; nothing here is about speed.
PATIENCE = 300


@dataclass(frozen=True)
class Live:
    """Where it listens, and a key for everything."""

    url: str
    key: str
    app: FastAPI

    def key_for(self, *scopes: Scope) -> str:
        """Another key, with these scopes only."""
        with self.app.state.sessions.begin() as session:
            wish = keys.Wish("clients", frozenset(scopes))
            token = keys.create(session, wish, "tests", datetime.now(UTC)).token
        self.app.state.gate.refresh()
        return token


@contextmanager
def listening(folder: Path, bundle: Path | None = None) -> Iterator[Live]:
    """The service with the shipped model, or that of `bundle`, on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        database_url=f"sqlite:///{folder}/suda.sqlite3",
        port=port,
        bundle=bundle,
        deadline_ms=60_000,
        batch_deadline_ms=60_000,
        drain_seconds=0,
        job_spool=folder,
    )
    app = create_app(settings)
    running = server(app, settings)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + PATIENCE
        while not running.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.05)
        live = Live(f"http://127.0.0.1:{port}", "", app)
        yield Live(live.url, live.key_for(*SCOPES), app)
    finally:
        running.should_exit = True
        thread.join(PATIENCE)
