"""One filled store a database, read by all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from data.taxonomy.load import load
from serving.boards.view import View
from tests.boards.kit import filled, live_of, view_of
from tests.databases import _fresh


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A store with made-up cases."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('boards')}/suda.sqlite3"
    else:
        url = _fresh(request.getfixturevalue("postgres_server"))
    with filled(url, load()) as engine:
        yield engine


@pytest.fixture(scope="module")
def view(engine: Engine) -> View:
    """A look at all of them."""
    return view_of(live_of(engine).board(), load())
