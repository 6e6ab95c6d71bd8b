"""A policy uploaded, tried, activated and taken back over HTTP while complaints come in."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.policies.files import read
from serving.settings import Settings
from serving.triage.policy import PACKS
from tests.serving.conftest import Post, entered, key_for

Files = dict[str, str]


@pytest.fixture
def changed() -> Files:
    """The generic pack with another department that handles everything."""
    files = read(PACKS / "generic")
    return files | {
        "departments.yaml": files["departments.yaml"] + "  - {code: elsewhere, name: 别处}\n",
        "routing.yaml": files["routing.yaml"].replace("lead: intake", "lead: elsewhere"),
    }


def lead(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["routing"]["lead"]["code"])


def uploaded(client: TestClient, files: Files) -> str:
    sent = client.post("/v1/policies", json={"name": "ours", "files": files, "note": "改派"})
    assert sent.status_code == 201, sent.text
    return str(sent.json()["id"])


def test_the_next_complaint_is_decided_by_what_was_activated(
    client: TestClient, post: Post, changed: Files
) -> None:
    assert lead(post("态度恶劣")) == "intake"
    pack_id = uploaded(client, changed)
    assert lead(post("没人理我")) == "intake"
    tried = client.post(f"/v1/policies/{pack_id}/replay").json()
    assert (tried["total"], tried["changed"], tried["moves"]) == (
        2, 2, {"lead": {"intake → elsewhere": 2}},
    )  # fmt: skip
    assert len(tried["complaints"]) == 2
    held = client.put("/v1/policy", json={"pack_id": pack_id, "why": "试行"}).json()
    assert held["holding"] == pack_id
    assert held["serving"].startswith("ours@")
    assert lead(post("一直不回复")) == "elsewhere"
    client.put("/v1/policy", json={"pack_id": None, "why": "撤回"})
    assert lead(post("第四件，还是没人理")) == "intake"


def test_what_holds_outlives_a_restart(settings: Settings, app: FastAPI, changed: Files) -> None:
    with entered(app) as client:
        pack_id = uploaded(client, changed)
        client.put("/v1/policy", json={"pack_id": pack_id, "why": "试行"})
    with entered(create_app(settings)) as client:
        assert lead(client.post("/v1/classify", json={"text": "态度恶劣"})) == "elsewhere"


def test_what_is_wrong_is_refused_by_name_and_changes_nothing(
    client: TestClient, post: Post, changed: Files
) -> None:
    wrong = changed | {"routing.yaml": changed["routing.yaml"].replace("elsewhere", "nobody")}
    said = client.post("/v1/policies", json={"name": "ours", "files": wrong})
    assert said.status_code in (400, 422), said.text
    assert "nobody" in said.text
    for pack_id, why in (("01ARZ3NDEKTSV4RRFFQ69G5FAV", "x"), (None, "")):
        answer = client.put("/v1/policy", json={"pack_id": pack_id, "why": why})
        assert answer.status_code in (404, 422)
    assert client.get("/v1/policies").json()["activations"] == []
    assert lead(post()) == "intake"


def test_it_takes_an_administrator(app: FastAPI, client: TestClient, changed: Files) -> None:
    client.headers["Authorization"] = f"Bearer {key_for(app, 'intake', 'review', 'audit')}"
    for method, path in (
        ("GET", "/v1/policies"),
        ("POST", "/v1/policies"),
        ("POST", "/v1/policies/x/replay"),
        ("PUT", "/v1/policy"),
    ):
        assert client.request(method, path, json={}).status_code == 403
