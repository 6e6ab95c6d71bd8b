from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outbox.kit import Bank, banking


@pytest.fixture
def bank(database_url: str) -> Iterator[Bank]:
    with banking(database_url) as bank:
        yield bank


@pytest.fixture
def small_bank(sqlite_url: str) -> Iterator[Bank]:
    """Where the database is not what a test is about."""
    with banking(sqlite_url) as bank:
        yield bank
