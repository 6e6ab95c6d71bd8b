"""The door, the scopes, the headers, and what is recorded."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import SecretStr

from data.errors import InputError
from serving.api.app import create_app
from serving.api.docs import PATHS
from serving.api.security import HEALTH, Requires
from serving.security.encryption import new_key
from serving.security.keys import SCOPES, Scope
from serving.settings import Settings
from serving.store import audit
from tests.serving.conftest import Post, entered, key_for

PROBLEM = "application/problem+json"
OPEN = HEALTH | PATHS
# The pages have roles instead of scopes: tests/web/test_routes.py.
PAGES = ("/", "/ui")


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    def walk(routes: object) -> Iterator[APIRoute]:
        for route in routes:  # type: ignore[attr-defined]
            if isinstance(route, APIRoute):
                yield route
            else:
                inner = getattr(route, "routes", None) or getattr(
                    getattr(route, "original_router", None), "routes", ()
                )
                yield from walk(inner)

    return (route for route in walk(app.routes) if not is_page(route.path))


def is_page(path: str) -> bool:
    return path in PAGES or path.startswith("/ui/")


def scopes_of(dependant: Dependant) -> set[str]:
    own = dependant.call.scopes if isinstance(dependant.call, Requires) else set()
    return set(own).union(*(scopes_of(inner) for inner in dependant.dependencies))


def all_paths(app: FastAPI) -> set[str]:
    return {route.path for route in api_routes(app)}


def test_every_route_has_a_scope(app: FastAPI) -> None:
    routes = list(api_routes(app))
    assert {"/v1/classify", "/v1/feedback", "/v1/keys", "/v1/audit", "/metrics"} <= all_paths(app)
    for route in routes:
        if route.path not in OPEN:
            assert scopes_of(route.dependant), route.path
    assert set().union(*(scopes_of(route.dependant) for route in routes)) == set(SCOPES)


def test_every_route_is_shut_without_a_key(app: FastAPI, client: TestClient) -> None:
    del client.headers["Authorization"]
    for route in api_routes(app):
        path = route.path.replace("{", "").replace("}", "")
        for method in route.methods or ():
            status = client.request(method, path).status_code
            assert status == (200 if route.path in OPEN else 401), (method, path)
    assert client.get("/no/such/path").status_code == 401


def test_documented_methods_are_the_routes(app: FastAPI) -> None:
    """Whatever is not an APIRoute (a mount, a websocket) would escape the tests above."""
    documented = {p for p in app.openapi()["paths"] if p not in OPEN}
    assert documented <= all_paths(app)
    for path in documented - {"/metrics"}:
        for operation in app.openapi()["paths"][path].values():
            assert {"401", "403"} <= operation["responses"].keys(), path


REFUSED: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": "Bearer nonsense"},
    {"Authorization": "Bearer suda_0123456789ab_" + "a" * 43},
    {"X-Api-Key": "suda_0123456789ab_" + "a" * 43},
    {"Authorization": "Basic dXNlcjpwYXNz"},
)


def test_refusals_look_the_same(client: TestClient) -> None:
    del client.headers["Authorization"]
    for headers in REFUSED:
        response = client.post("/v1/classify", json={"text": "态度恶劣"}, headers=headers)
        assert response.status_code == 401
        assert response.headers["content-type"] == PROBLEM
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.json() == {
            "type": "urn:suda:problem:unauthorized",
            "title": "Not authenticated",
            "status": 401,
            "code": "unauthorized",
            "detail": "a valid API key is needed",
        }


def test_both_headers_carry_a_key(app: FastAPI, client: TestClient) -> None:
    del client.headers["Authorization"]
    token = key_for(app, "intake")
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-Api-Key": token}):
        assert client.get("/v1/taxonomy", headers=headers).status_code == 200


def test_a_body_is_not_read_before_its_key_is_known(client: TestClient) -> None:
    del client.headers["Authorization"]
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        for number in range(3):
            sent.append(number)
            yield b"{"

    response = client.post("/v1/classify", content=body())
    assert response.status_code == 401
    malformed = client.post("/v1/classify", content=b"{")
    assert malformed.status_code == 401


DOORS: tuple[tuple[Scope, str, str, int], ...] = (
    ("intake", "POST", "/v1/classify", 422),
    ("review", "POST", "/v1/classify", 403),
    ("admin", "POST", "/v1/classify", 403),
    ("audit", "POST", "/v1/classify/batch", 403),
    ("intake", "GET", "/v1/complaints/none", 404),
    ("review", "GET", "/v1/complaints/none", 404),
    ("admin", "GET", "/v1/complaints/none", 403),
    ("intake", "GET", "/v1/feedback", 403),
    ("review", "GET", "/v1/feedback", 200),
    ("intake", "GET", "/v1/keys", 403),
    ("audit", "GET", "/v1/keys", 403),
    ("admin", "GET", "/v1/keys", 200),
    ("admin", "GET", "/v1/audit", 403),
    ("audit", "GET", "/v1/audit", 200),
    ("audit", "GET", "/v1/audit/head", 200),
    ("audit", "GET", "/metrics", 200),
    ("intake", "GET", "/metrics", 403),
    ("audit", "GET", "/v1/taxonomy", 200),
)


def test_scopes_open_their_own_doors(app: FastAPI, client: TestClient) -> None:
    tokens = {scope: key_for(app, scope) for scope in SCOPES}
    for scope, method, path, status in DOORS:
        client.headers["Authorization"] = f"Bearer {tokens[scope]}"
        response = client.request(method, path, json={} if method == "POST" else None)
        assert response.status_code == status, (scope, path)
        if status == 403:
            assert response.headers["content-type"] == PROBLEM
            assert response.json()["detail"] == "this key is not for this"


def test_a_key_is_made_used_rotated_and_revoked(client: TestClient) -> None:
    made = client.post("/v1/keys", json={"name": "呼叫中心", "scopes": ["intake"], "rate": 60})
    assert made.status_code == 201
    key = made.json()
    old = {"Authorization": f"Bearer {key['key']}"}
    assert client.get("/v1/taxonomy", headers=old).status_code == 200
    listed = client.get("/v1/keys").json()["items"]
    assert [k["name"] for k in listed] == ["tests", "呼叫中心"]
    assert key["key"] not in str(listed)
    assert listed[1]["expires_at"] is not None
    rotated = client.post(f"/v1/keys/{key['id']}/rotate", json={}).json()
    new = {"Authorization": f"Bearer {rotated['key']}"}
    for headers in (old, new):
        assert client.get("/v1/taxonomy", headers=headers).status_code == 200
    revoked = client.post(f"/v1/keys/{key['id']}/revoke", json={"why": "换了，电话13800138000"})
    assert revoked.status_code == 204
    assert client.get("/v1/taxonomy", headers=old).status_code == 401
    assert client.get("/v1/taxonomy", headers=new).status_code == 200
    entries = client.get("/v1/audit", params={"subject": f"key:{key['id']}"}).json()["items"]
    assert [e["action"] for e in entries] == ["key.created", "key.rotated", "key.revoked"]
    assert "13800138000" not in entries[2]["details"]
    assert client.post("/v1/keys/none/rotate", json={}).status_code == 404


WRONG_KEYS: tuple[dict[str, object], ...] = (
    {"scopes": ["intake"]},
    {"name": "n", "scopes": []},
    {"name": "n", "scopes": ["root"]},
    {"name": "n", "scopes": ["intake"], "rate": 0},
    {"name": "n", "scopes": ["intake"], "expires_at": "2001-01-01T00:00:00Z"},
)


def test_bad_keys_are_refused(client: TestClient) -> None:
    for wrong in WRONG_KEYS:
        assert client.post("/v1/keys", json=wrong).status_code == 422, wrong


def test_every_decision_is_recorded_in_its_transaction(
    app: FastAPI, client: TestClient, post: Post
) -> None:
    first = post("乱扣我钱，冯玉兰", external_id="1")
    post("乱扣我钱，冯玉兰", external_id="1")
    assert post("", external_id="2").status_code == 422
    batch = client.post("/v1/classify/batch", json={"items": [{"text": "推来推去"}] * 3})
    ids = [item["decision"]["complaint_id"] for item in batch.json()["items"]]
    entries = client.get("/v1/audit", params={"action": "decision.recorded"}).json()["items"]
    expected = [first.json()["complaint_id"], *ids]
    assert sorted(e["subject"] for e in entries) == sorted(f"complaint:{i}" for i in expected)
    assert hashlib.sha256(first.content).hexdigest() in entries[0]["details"]
    assert all(e["actor"].startswith("key:") for e in entries)
    assert "冯玉兰" not in str(entries)
    with app.state.sessions() as session:
        assert audit.verify(session).intact


def test_a_model_that_comes_to_serve_is_recorded_once(settings: Settings) -> None:
    for _ in range(2):
        with entered(create_app(settings)) as client:
            found = client.get("/v1/audit", params={"action": "model.serving"}).json()["items"]
            model = client.get("/readyz").json()["model"]
    assert [model in entry["details"] for entry in found] == [True]


def test_the_audit_trail_is_paged(client: TestClient, post: Post) -> None:
    for number in range(5):
        post("态度恶劣", external_id=str(number))
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = client.get("/v1/audit", params={"after": after, "limit": 2}).json()
        seen += [entry["seq"] for entry in page["items"]]
        after = page["next"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert client.get("/v1/audit/head").json()["seq"] == 7


def test_texts_are_counted_against_the_key(app: FastAPI, client: TestClient) -> None:
    client.headers["Authorization"] = f"Bearer {key_for(app, 'intake', rate=3)}"
    items = {"items": [{"text": "态度恶劣"}] * 2}
    assert client.post("/v1/classify/batch", json=items).status_code == 200
    assert client.post("/v1/classify", json={"text": "态度恶劣"}).status_code == 200
    refused = client.post("/v1/classify", json={"text": "态度恶劣"})
    assert refused.status_code == 429
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    # Questions that cost nothing are still answered, and so are other keys.
    assert client.get("/v1/taxonomy").status_code == 200
    client.headers["Authorization"] = f"Bearer {key_for(app, 'intake', rate=3)}"
    assert client.post("/v1/classify", json={"text": "态度恶劣"}).status_code == 200


SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


def test_every_answer_has_the_security_headers(
    app: FastAPI, client: TestClient, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("冯玉兰的秘密")

    answers = [post(), post(""), client.get("/none"), client.get("/livez"), client.put("/livez")]
    answers.append(client.get("/livez", headers={"Authorization": "Bearer x"}))
    answers.append(client.get("/v1/keys", headers={"Authorization": "Bearer x"}))
    monkeypatch.setattr("serving.api.taxonomy.taxonomy_json", broken)
    answers.append(client.get("/v1/taxonomy"))
    assert [a.status_code for a in answers] == [200, 422, 404, 200, 405, 200, 401, 500]
    for answer in answers:
        assert SECURITY.items() <= dict(answer.headers).items()
        assert "strict-transport-security" not in answer.headers
    assert answers[-1].headers["content-type"] == PROBLEM
    assert "冯玉兰" not in answers[-1].text


def test_hsts_where_it_is_set(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"hsts_seconds": 600}))
    header = TestClient(app).get("/livez").headers["strict-transport-security"]
    assert header == "max-age=600; includeSubDomains"


def test_the_description_is_served_from_here_alone(app: FastAPI, client: TestClient) -> None:
    del client.headers["Authorization"]
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("https://", "http")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("style-src")[0]
    for path in PATHS:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.content
    assert client.get("/redoc").status_code == 401


def test_the_description_can_be_switched_off(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"docs": False}))
    with TestClient(app) as client:
        for path in PATHS:
            assert client.get(path).status_code == 401
            headers = {"X-Api-Key": key_for(app)}
            assert client.get(path, headers=headers).status_code == 404


def test_metrics_may_be_public(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"metrics_public": True}))
    with TestClient(app) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/v1/taxonomy").status_code == 401


def test_keys_may_be_switched_off_for_this_machine_only(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"auth": "off"}))
    with TestClient(app) as client:
        assert client.post("/v1/classify", json={"text": "态度恶劣"}).status_code == 200
        entries = client.get("/v1/audit", params={"action": "decision.recorded"}).json()["items"]
        assert [entry["actor"] for entry in entries] == ["anonymous"]
    with pytest.raises(InputError, match="SUDA_AUTH"):
        create_app(settings.model_copy(update={"auth": "off", "host": "10.1.2.3"}))


def test_complaints_are_encrypted_where_a_key_is_set(settings: Settings, tmp_path: Path) -> None:
    secret = settings.model_copy(update={"text_key": SecretStr(new_key())})
    words = "冯玉兰在西岭路排队太久"
    with entered(create_app(secret)) as client:
        first = client.post("/v1/classify", json={"text": words, "external_id": "1"})
        again = client.post("/v1/classify", json={"text": words, "external_id": "1"})
        assert again.content == first.content
        stored = client.get(f"/v1/complaints/{first.json()['complaint_id']}").json()
        assert stored["complaint"]["text"] == words
    raw = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert not any(piece.encode() in raw for piece in (words, "冯玉兰", "排队太久"))


def test_websockets_are_turned_away(client: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/classify"):
        pass


def test_neither_words_nor_secrets_are_logged(
    app: FastAPI,
    client: TestClient,
    post: Post,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    words, token = "冯玉兰在西岭路被骗", key_for(app)
    client.headers["Authorization"] = f"Bearer {token}"
    post(words, external_id="1", metadata={"phone": "13800138000"})
    post(words, external_id="1", branch="别处")
    client.post("/v1/classify", json={"text": words, "metadata": words})
    client.post("/v1/classify", content=words.encode("gbk"))
    client.get("/v1/keys", headers={"Authorization": f"Bearer {token[:-1]}x"})
    client.get(f"/v1/complaints/{words}")

    def broken(*_: object, **__: object) -> object:
        raise RuntimeError(f"{words} {token}")

    monkeypatch.setattr("serving.intake.Intake.begin_all", broken)
    assert post(words).status_code == 500
    monkeypatch.setattr("serving.api.taxonomy.taxonomy_json", broken)
    assert client.get("/v1/taxonomy").status_code == 500
    logged = "\n".join(
        f"{record.getMessage()} {record.exc_text or ''} {record.exc_info or ''}"
        for record in caplog.records
    )
    assert "request failed" in logged
    for secret in (words, words[:3], "13800138000", token, token[18:]):
        assert secret not in logged
