"""POST and GET /v1/feedback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.serving.conftest import Post, key_for

FeedbackJson = dict[str, Any]


def send(client: TestClient, *items: Any) -> list[FeedbackJson]:
    answer = client.post("/v1/feedback", json={"items": list(items)})
    assert answer.status_code == 200, answer.text
    found: list[FeedbackJson] = answer.json()["items"]
    return found


@pytest.fixture
def decided(post: Post) -> str:
    complaint_id: str = post("态度恶劣", source="phone", external_id="CC-1").json()["complaint_id"]
    return complaint_id


def test_a_correction_is_recorded_beside_what_the_model_said(
    client: TestClient, decided: str
) -> None:
    (answer,) = send(
        client,
        {
            "source": "phone",
            "external_id": "CC-1",
            "labels": {"mood": "good"},
            "who": "reviewer-17",
            "decided_at": "2026-11-20T10:30:00",
            "comment": "回拨13812345678",
        },
    )
    (record,) = answer["records"]
    assert answer["complaint_id"] == record["complaint_id"] == decided
    assert (record["code"], record["model_code"], record["role"]) == ("good", "bad", "review")
    assert record["bundle"].startswith("linear-")
    assert record["decided_at"] == "2026-11-20T02:30:00+00:00"
    assert record["comment"] == "回拨138****5678"
    listed = client.get("/v1/feedback").json()
    assert listed == {"records": [record], "next": None}


def test_the_same_sent_again_is_replayed(client: TestClient, decided: str) -> None:
    item = {"complaint_id": decided, "labels": {"mood": "good"}, "who": "a"}
    first, again = send(client, item, item)
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["records"] == again["records"]


def test_one_bad_item_spoils_no_other(client: TestClient, decided: str) -> None:
    good = {"complaint_id": decided, "labels": {"mood": "good"}, "who": "a"}
    wrong: dict[str, dict[str, Any]] = {
        "complaint_id": {**good, "complaint_id": "nobody"},
        "labels.mood": {**good, "labels": {"mood": "odd"}},
        "labels.other": {**good, "labels": {"other": "x"}},
        "labels": {**good, "labels": {}},
        "who": {"complaint_id": decided, "labels": {"mood": "good"}},
        "role": {**good, "role": "boss"},
        "decided_at": {**good, "decided_at": "2098-01-01T00:00:00Z"},
        "surprise": {**good, "surprise": 1},
    }
    nameless = {"labels": {"mood": "good"}, "who": "a"}
    answers = send(client, good, *wrong.values(), nameless, "text")
    assert answers[0]["records"]
    for (field, _), answer in zip(wrong.items(), answers[1:], strict=False):
        assert answer["problem"]["errors"][0]["field"] == field
    assert answers[1]["problem"]["status"] == 404
    assert answers[-2]["problem"]["errors"][0]["field"] == "complaint_id"
    assert answers[-1]["problem"]["status"] == 422
    assert len(client.get("/v1/feedback").json()["records"]) == 1


def test_records_are_paged_and_filtered(client: TestClient, post: Post) -> None:
    ids = [post(words).json()["complaint_id"] for words in ("态度恶劣", "排队太久", "没人理我")]
    send(client, *({"complaint_id": i, "labels": {"mood": "good"}, "who": "a"} for i in ids))
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = client.get("/v1/feedback", params={"after": after, "limit": 2}).json()
        seen += [record["complaint_id"] for record in page["records"]]
        after = page["next"]
    assert seen == ids
    future = client.get("/v1/feedback", params={"since": "2098-01-01T00:00:00Z"}).json()
    assert future == {"records": [], "next": None}
    for wrong in ("soon", "0001-01-01T00:00:00+14:00"):
        assert client.get("/v1/feedback", params={"since": wrong}).status_code == 422


def test_too_many_items_are_refused(client: TestClient) -> None:
    answer = client.post("/v1/feedback", json={"items": [{}] * 257})
    assert answer.status_code == 422
    assert "256" in answer.json()["detail"]
    assert client.post("/v1/feedback", json={"items": []}).status_code == 422


def test_it_takes_the_right_to_review(app: FastAPI, client: TestClient) -> None:
    client.headers["Authorization"] = f"Bearer {key_for(app, 'intake')}"
    body = {"items": [{"complaint_id": "x", "labels": {"mood": "good"}, "who": "a"}]}
    assert client.post("/v1/feedback", json=body).status_code == 403
    assert client.get("/v1/feedback").status_code == 403


def test_what_was_recorded_is_in_the_audit_trail(client: TestClient, decided: str) -> None:
    send(client, {"complaint_id": decided, "labels": {"mood": "good"}, "who": "a"})
    entries = client.get("/v1/audit", params={"action": "labels.recorded"}).json()["items"]
    assert [entry["subject"] for entry in entries] == [decided]
    assert json.loads(entries[0]["details"])["labels"] == {"mood": "good"}
