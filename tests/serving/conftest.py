"""A running application on a store of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.security.keys import SCOPES, Scope
from serving.settings import Settings
from serving.store import keys
from tests.serving.conformance import conform


@pytest.fixture
def settings(mood_bundle: Path, tmp_path: Path) -> Settings:
    """Settings over a toy bundle and an empty SQLite file."""
    return Settings(
        bundle=mood_bundle,
        database_url=f"sqlite:///{tmp_path}/store/suda.sqlite3",
        deadline_ms=60_000,
        batch_deadline_ms=60_000,
    )


def key_for(app: FastAPI, *scopes: Scope, rate: int | None = None) -> str:
    """A new key of the running application; without scopes named it may do everything."""
    with app.state.sessions.begin() as session:
        wish = keys.Wish("tests", frozenset(scopes or SCOPES), rate=rate)
        token = keys.create(session, wish, "tests", datetime.now(UTC)).token
    app.state.gate.refresh()
    return token


@contextmanager
def entered(app: FastAPI) -> Iterator[TestClient]:
    """Start the application and ask it with a key that may do everything.

    Every answer is held against the OpenAPI document.
    """
    with TestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {key_for(app)}"
        client.event_hooks["response"].append(conform)
        yield client


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with entered(app) as client:
        yield client


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application as `make serve` starts it: shipped bundle, JR/T policy."""
    store = tmp_path_factory.mktemp("shipped")
    app = create_app(Settings(database_url=f"sqlite:///{store}/suda.sqlite3", deadline_ms=60_000))
    with entered(app) as client:
        yield client


Post = Callable[..., Any]


@pytest.fixture
def post(client: TestClient) -> Post:
    """POST a complaint and return the response."""

    def send(text: str = "态度恶劣", *, key: str | None = None, **fields: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return client.post("/v1/classify", json={"text": text, **fields}, headers=headers)

    return send
