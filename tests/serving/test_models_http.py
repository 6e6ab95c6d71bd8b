"""/v1/models on a service as it is started: who may, and what is said without a registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from model.registry.registry import Registry
from serving.api.app import create_app
from serving.settings import Settings
from tests.serving.conftest import entered, key_for


@pytest.fixture
def settings(settings: Settings, mood_bundle: Path, tmp_path: Path) -> Settings:
    registry = Registry(tmp_path / "models")
    version = registry.add(mood_bundle, who="tests", why="test")
    registry.promote(version, who="tests", why="first", force=True)
    return settings.model_copy(update={"bundle": None, "registry": registry.path})


def test_the_audit_may_look_and_only_admins_change(app: FastAPI, client: TestClient) -> None:
    version = client.get("/v1/models").json()["serving"]["version"]
    looks = [("GET", "/v1/models", None), ("GET", f"/v1/models/shadow?version={version}", None)]
    changes = [
        ("POST", f"/v1/models/{version}/activate", {"why": "test"}),
        ("POST", "/v1/models/rollback", {"why": "test"}),
        ("PUT", "/v1/models/shadow", {"version": None}),
        ("PUT", "/v1/models/canary", {"version": version, "share": 0.1, "why": "test"}),
        ("DELETE", "/v1/models/canary", None),
    ]
    for scope, may_look, may_change in (
        ("audit", True, False),
        ("admin", True, True),
        ("intake", False, False),
        ("review", False, False),
    ):
        client.headers["Authorization"] = f"Bearer {key_for(app, scope)}"  # type: ignore[arg-type]
        for allowed, calls in ((may_look, looks), (may_change, changes)):
            for method, path, body in calls:
                status = client.request(method, path, json=body).status_code
                assert (status != 403) is allowed, (scope, method, path)


def test_a_reason_is_asked_for_and_masked(client: TestClient, tmp_path: Path) -> None:
    assert client.post("/v1/models/rollback", json={}).status_code == 422
    assert client.post("/v1/models/rollback", json={"why": ""}).status_code == 422
    why = "客户13912345678说不好"
    answer = client.put("/v1/models/shadow", json={"version": None, "why": why}).json()
    assert "13912345678" not in str(answer["log"])
    (entry,) = client.get("/v1/audit", params={"action": "model.shadow"}).json()["items"]
    assert "13912345678" not in entry["details"]


def test_nothing_to_go_back_to(client: TestClient) -> None:
    response = client.post("/v1/models/rollback", json={"why": "test"})
    assert response.status_code == 409
    assert response.json()["detail"] == "champion: there is no earlier champion"
    assert client.delete("/v1/models/canary").json()["canary"] is None
    version = client.get("/v1/models").json()["serving"]["version"]
    same = client.post(f"/v1/models/{version}/activate", json={"why": "again"})
    assert same.status_code == 200
    assert len(same.json()["log"]) == 2


def test_the_shipped_one_serves_where_no_registry_is(tmp_path: Path, mood_bundle: Path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/suda.sqlite3", registry=tmp_path / "none"
    )
    app = create_app(settings.model_copy(update={"bundle": mood_bundle}))
    with entered(app) as client:
        overview = client.get("/v1/models").json()
    assert overview["serving"]["promoted_at"] is None
    assert overview["versions"] == overview["log"] == []
    assert overview["registry"] is None
    assert not (tmp_path / "none").exists(), "looking makes nothing"


def test_a_cache_goes_with_its_model(settings: Settings, mood_bundle: Path) -> None:
    """Other models never answer from it, and its figures begin anew."""
    from tests.models.kit import rewritten

    registry = Registry(settings.registry)
    other = registry.add(
        rewritten(mood_bundle, settings.registry / "other", temperature=3.0), who="t", why="t"
    )
    with entered(create_app(settings.model_copy(update={"cache_texts": 10}))) as client:
        body = {"text": "态度恶劣"}
        first = [client.post("/v1/classify", json=body).json() for _ in range(2)]
        assert "suda_cache_hits 1.0" in client.get("/metrics").text
        change = {"why": "test", "force": True}
        client.post(f"/v1/models/{other}/activate", json=change)
        assert "suda_cache_hits 0.0" in client.get("/metrics").text
        second = client.post("/v1/classify", json=body).json()
    confidences = [answer["labels"]["mood"]["confidence"] for answer in (*first, second)]
    assert confidences[0] == confidences[1] != confidences[2]
