"""One running service for all clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from suda_client.client import Suda

from tests.clients.kit import Live, listening


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with listening(tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture
def suda(live: Live) -> Iterator[Suda]:
    with Suda(live.url, live.key, seconds=300) as client:
        yield client
