"""One walk past every endpoint, each answer held against the document, none left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from data.records import Complaint
from model.registry.registry import Registry
from serving.api.app import create_app
from serving.api.statistics import _json
from serving.boards.filter import CaseFilter
from serving.boards.hotspots import HotSpot, HotSpots
from serving.boards.view import Count
from serving.pipeline import Pipeline
from serving.policies.files import read
from serving.settings import Settings
from serving.triage.policy import PACKS
from tests.models.kit import BAD, rewritten
from tests.serving.conformance import DOCUMENT, faults, template
from tests.serving.conftest import entered

PATIENCE = 60
CSV = "text,external_id\n没人理我,c1\n,c2\n态度恶劣,c3\n".encode()
# Nobody listens there.
NOWHERE = "http://127.0.0.1:9/orders"

HAPPENS: list[dict[str, Any]] = [
    {"kind": "accepted"},
    {"kind": "bounced", "reason": "not_ours", "labels": {"mood": "good"}, "note": "转"},
    {"kind": "bounced", "reason": "not_ours", "suggested": "intake"},
    {"kind": "resolved", "result": "settled"},
    {"kind": "opinion", "satisfaction": "neutral"},
]

Seen = set[tuple[str, str]]


@pytest.fixture
def versions(mood_bundle: Path, tmp_path: Path) -> tuple[str, str]:
    """A champion and another, in a registry at `tmp_path`/models."""
    registry = Registry(tmp_path / "models")
    champion = registry.add(mood_bundle, who="tests", why="test")
    registry.promote(champion, who="tests", why="first", force=True)
    warm = rewritten(mood_bundle, tmp_path / "warm", temperature=3.0)
    return champion, registry.add(warm, who="tests", why="test")


@pytest.fixture
def walked(
    settings: Settings, database_url: str, tmp_path: Path, versions: tuple[str, str]
) -> Iterator[tuple[TestClient, Seen]]:
    """A client, and the operations that it has heard a success of."""
    seen: Seen = set()

    def keep(answer: Any) -> None:
        request = answer.request
        if answer.is_success and (known := template(request.method, request.url.path)):
            seen.add((request.method.lower(), known))

    own = {
        "bundle": None,
        "registry": tmp_path / "models",
        "database_url": database_url,
        "webhook_attempts": 1,
    }
    with entered(create_app(settings.model_copy(update=own))) as client:
        client.event_hooks["response"].append(keep)
        yield client, seen


def ok(answer: Any) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def until(look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    """What `look` finds once it is as wanted."""
    end = time.monotonic() + PATIENCE
    while not done(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def test_every_endpoint_answers_as_declared(
    walked: tuple[TestClient, Seen], versions: tuple[str, str]
) -> None:
    """`entered` holds each answer against the document; here it is seen that none is missing."""
    client, seen = walked
    for watched in ("/livez", "/readyz", "/metrics", "/v1/taxonomy"):
        assert client.get(watched).is_success
    _departments(client)
    complaint_id = _complaints(client)
    _case(client, complaint_id)
    _outbox(client)
    _jobs(client)
    _models(client, *versions)
    _policies(client)
    _statistics(client)
    _keys(client)
    known = {(m, path) for path, methods in DOCUMENT["paths"].items() for m in methods}
    assert known - seen == set()


def _departments(client: TestClient) -> None:
    ok(client.get("/v1/departments/intake"))
    made = ok(client.put("/v1/departments/intake", json={"webhook": NOWHERE}))
    assert made["secret"]


def _complaints(client: TestClient) -> str:
    body = {"text": BAD, "source": "app", "external_id": "e1", "metadata": {"a": [1, None]}}
    first = ok(client.post("/v1/classify", json=body))
    again = client.post("/v1/classify", json=body)
    assert again.headers["Idempotency-Replayed"] == "true"
    items = [body, {"text": "一直没人理我"}, {"txt": "?"}, body]
    batch = ok(client.post("/v1/classify/batch", json={"items": items}))["items"]
    assert ["decision" in one for one in batch] == [True, True, False, False]
    complaint_id = str(first["complaint_id"])
    assert ok(client.get(f"/v1/complaints/{complaint_id}"))["decision"] == first
    return complaint_id


def _case(client: TestClient, complaint_id: str) -> None:
    where = f"/v1/complaints/{complaint_id}/events"
    for number, told in enumerate(HAPPENS):
        event = {"event_id": f"w{number}", "who": "staff-1", **told}
        assert client.post(where, json=event).status_code == 201
        assert client.post(where, json=event).status_code == 200
    assert len(ok(client.get(where))["events"]) >= 5
    feedback = [
        {"complaint_id": complaint_id, "labels": {"mood": "good"}, "who": "r1", "comment": "好"},
        {"complaint_id": complaint_id, "labels": {"none": "x"}, "who": "r1"},
        {"nothing": 1},
    ]
    items = ok(client.post("/v1/feedback", json={"items": feedback}))["items"]
    assert ["records" in one for one in items] == [True, False, False]
    page = ok(client.get("/v1/feedback", params={"limit": 1}))
    assert page["next"] is not None


def _outbox(client: TestClient) -> None:
    """Nobody takes the work orders: they are dead, and sent once more."""
    dead = until(
        lambda: ok(client.get("/v1/outbox", params={"state": "dead"}))["items"], lambda x: bool(x)
    )
    ok(client.post(f"/v1/outbox/{dead[0]['id']}/replay"))
    ok(client.post("/v1/outbox/replay", json={"department": "intake"}))
    ok(client.get(f"/v1/complaints/{dead[0]['complaint_id']}/events"))


def _jobs(client: TestClient) -> None:
    files = {"file": ("一.csv", CSV, "text/csv")}
    headers = {"Idempotency-Key": "walk"}
    job = ok(client.post("/v1/jobs", files=files, headers=headers))
    again = client.post("/v1/jobs", files=files, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    where = f"/v1/jobs/{job['id']}"
    done = until(lambda: ok(client.get(where)), lambda found: found["state"] == "done")
    assert (done["done"], done["failed"], len(done["first_errors"])) == (2, 1, 1)
    assert len(ok(client.get(f"{where}/errors"))["items"]) == 1
    for kind in ("jsonl", "csv", "xlsx"):
        assert client.get(f"{where}/result", params={"format": kind}).is_success
    ok(client.get("/v1/jobs"))
    # A finished job goes on with the rows that failed, and can be held meanwhile.
    ok(client.post(f"{where}/resume", params={"failed": True}))
    _held(client)
    until(lambda: ok(client.get(where)), lambda found: found["ended_at"] is not None)
    assert client.delete(where).status_code == 204


def _held(client: TestClient) -> None:
    rows = "text\n" + "".join(f"没人理我 {i}\n" for i in range(2_000))
    options = {"file": ("二.csv", rows.encode(), "text/csv")}
    where = f"/v1/jobs/{ok(client.post('/v1/jobs', files=options))['id']}"
    ok(client.post(f"{where}/pause"))
    ok(client.post(f"{where}/cancel"))


def _models(client: TestClient, champion: str, other: str) -> None:
    why = {"why": "walk", "force": True}
    ok(client.put("/v1/models/shadow", json={"version": other}))
    ok(client.put("/v1/models/canary", json={"version": other, "share": 0.5, **why}))
    for i in range(20):
        ok(client.post("/v1/classify", json={"text": f"{BAD}{i}"}))
    until(
        lambda: ok(client.get("/v1/models/shadow", params={"version": other})),
        lambda found: bool(found["agreement"]),
    )
    assert ok(client.get("/v1/models"))["canary"]["figures"]["texts"] > 0
    assert ok(client.delete("/v1/models/canary"))["canary"] is None
    ok(client.post(f"/v1/models/{other}/activate", json=why))
    assert ok(client.post("/v1/models/rollback", json={"why": "walk"}))["serving"]["version"] == (
        champion
    )
    ok(client.put("/v1/models/shadow", json={"version": None}))


def _policies(client: TestClient) -> None:
    files = read(PACKS / "generic")
    files |= {
        "departments.yaml": files["departments.yaml"] + "  - {code: elsewhere, name: 别处}\n",
        "routing.yaml": files["routing.yaml"].replace("lead: intake", "lead: elsewhere"),
    }
    pack = ok(client.post("/v1/policies", json={"name": "ours", "files": files, "note": "改派"}))
    tried = ok(client.post(f"/v1/policies/{pack['id']}/replay"))
    assert tried["complaints"]
    held = ok(client.put("/v1/policy", json={"pack_id": pack["id"], "why": "试行"}))
    assert held["activations"]
    ok(client.get("/v1/policies"))
    ok(client.put("/v1/policy", json={"pack_id": None, "why": "撤回"}))


def _statistics(client: TestClient) -> None:
    assert ok(client.get("/v1/statistics/today"))["hours"]
    assert ok(client.get("/v1/statistics/trend", params={"along": "lead"}))["series"]
    ok(client.get("/v1/statistics/hotspots"))
    year = str(time.localtime().tm_year)
    assert ok(client.get("/v1/statistics/report", params={"period": year}))["tables"]


def _keys(client: TestClient) -> None:
    made = ok(client.post("/v1/keys", json={"name": "walk", "scopes": ["intake"]}))
    after = ok(client.post(f"/v1/keys/{made['id']}/rotate", json={}))
    ok(client.post(f"/v1/keys/{after['id']}/revoke", json={"why": "walk"}))
    assert len(ok(client.get("/v1/keys"))["items"]) == 3
    assert ok(client.get("/v1/audit", params={"limit": 2}))["next"] == 2
    ok(client.get("/v1/audit/head"))


@pytest.fixture(scope="module")
def shipped_pipeline() -> Pipeline:
    return Pipeline.open(Settings())


@pytest.mark.parametrize("text", ["再不解决我就打12378投诉", "手机银行转账五万没收到"])
def test_decisions_of_the_shipped_model_are_as_declared(
    shipped_pipeline: Pipeline, text: str
) -> None:
    complaint = Complaint(text, datetime.now(UTC), source="phone")
    decision = orjson.loads(orjson.dumps(shipped_pipeline.decide(complaint, "1")))
    assert faults("Decision", decision) == []
    assert any("rules" in label for label in decision["labels"].values())
    assert decision["deadlines"]


def test_hot_spots_are_as_declared() -> None:
    """They need weeks of complaints: one as the boards give it."""
    count = Count(9, CaseFilter({"product": ("B03",)}))
    spot = HotSpot(("product",), ("B03",), "电子银行", count, 2.0, 0, 5, 0.001, (1, 2, 3))
    found = HotSpots(date(2026, 11, 16), date(2026, 11, 23), (spot,), 40, 8)
    assert faults("HotSpotsAnswer", orjson.loads(_json(found).body)) == []
