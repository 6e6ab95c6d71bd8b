"""A started application with pages, once a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from serving.security import passwords
from tests.web.kit import opened, settings


@pytest.fixture(autouse=True, scope="module")
def cheap_hashes() -> Iterator[None]:
    """What is right at the door costs a test set minutes."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", lambda: cheap)
        passwords._nobody.cache_clear()
        yield
    passwords._nobody.cache_clear()


@pytest.fixture(scope="module")
def web(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application on a toy bundle with two labels, and nobody in it."""
    with opened(settings(mood_bundle, tmp_path_factory.mktemp("web"))) as client:
        yield client
