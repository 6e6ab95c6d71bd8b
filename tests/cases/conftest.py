from __future__ import annotations

from collections.abc import Iterator

import pytest

from serving.store.store import Store
from tests.cases.kit import opened


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with opened(database_url) as store:
        yield store


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """Where the database is not what a test is about."""
    with opened(sqlite_url) as store:
        yield store
