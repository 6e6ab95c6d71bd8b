"""A running application on a store of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.settings import Settings


@pytest.fixture
def settings(mood_bundle: Path, tmp_path: Path) -> Settings:
    """Settings over a toy bundle and an empty SQLite file."""
    return Settings(bundle=mood_bundle, database_url=f"sqlite:///{tmp_path}/store/suda.sqlite3")


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application as `make serve` starts it: shipped bundle, JR/T policy."""
    store = tmp_path_factory.mktemp("shipped")
    app = create_app(Settings(database_url=f"sqlite:///{store}/suda.sqlite3"))
    with TestClient(app) as client:
        yield client


Post = Callable[..., Any]


@pytest.fixture
def post(client: TestClient) -> Post:
    """POST a complaint and return the response."""

    def send(text: str = "态度恶劣", *, key: str | None = None, **fields: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return client.post("/v1/classify", json={"text": text, **fields}, headers=headers)

    return send
