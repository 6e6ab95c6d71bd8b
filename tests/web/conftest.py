"""A started application with pages, once a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.web.kit import opened, settings


@pytest.fixture(scope="module")
def web(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application on a toy bundle with two labels, and nobody in it."""
    with opened(settings(mood_bundle, tmp_path_factory.mktemp("web"))) as client:
        yield client
