"""An empty store, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from serving.store.database import connect, migrate
from serving.store.store import Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    engine = connect(database_url)
    migrate(engine)
    store = Store(engine)
    yield store
    store.close()
