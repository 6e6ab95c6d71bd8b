from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.pipeline import Pipeline
from serving.settings import Settings
from tests.jobs.kit import Plant, planted


@pytest.fixture(scope="session")
def pipeline(mood_bundle: Path) -> Pipeline:
    return Pipeline.open(Settings(bundle=mood_bundle))


@pytest.fixture
def plant(database_url: str, pipeline: Pipeline) -> Iterator[Plant]:
    with planted(database_url, pipeline) as plant:
        yield plant


@pytest.fixture
def lone(sqlite_url: str, pipeline: Pipeline) -> Iterator[Plant]:
    """On SQLite only, where the database makes no difference."""
    with planted(sqlite_url, pipeline) as plant:
        yield plant
