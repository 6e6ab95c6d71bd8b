"""The service while its database is gone, and after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.settings import Settings
from tests.serving.conftest import entered
from tests.store.test_gone import Postgres, postgres

__all__ = ["postgres"]


@pytest.fixture
def client(settings: Settings, postgres: Postgres) -> Iterator[TestClient]:
    on_postgres = settings.model_copy(update={"database_url": postgres.url})
    with entered(create_app(on_postgres)) as client:
        yield client


def test_it_says_so_and_recovers_by_itself(client: TestClient, postgres: Postgres) -> None:
    first = {"text": "没人理我", "external_id": "1"}
    other = {"text": "乱扣我钱", "external_id": "2"}
    answer = client.post("/v1/classify", json=first).json()
    postgres.go()
    for body in (first, other, {"text": "态度真好"}):
        refused = client.post("/v1/classify", json=body)
        assert refused.status_code == 503
        assert refused.json()["code"] == "store_unavailable"
        assert int(refused.headers["Retry-After"]) >= 1
    batch = client.post("/v1/classify/batch", json={"items": [first, other]}).json()["items"]
    assert [item["problem"]["status"] for item in batch] == [503, 503]
    assert client.get(f"/v1/complaints/{answer['complaint_id']}").status_code == 503
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    postgres.come_back()
    assert client.get("/readyz").status_code == 200
    assert client.post("/v1/classify", json=first).json() == answer
    assert client.post("/v1/classify", json=other).status_code == 200
