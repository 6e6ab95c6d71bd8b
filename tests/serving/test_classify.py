from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.serving.conftest import Post

PROBLEM = "application/problem+json"


def test_a_complaint_gets_a_complete_decision(shipped: TestClient) -> None:
    text = "信用卡莫名其妙每月扣18块权益费，从来没开过，要求退"
    request = {
        "text": text,
        "external_id": "CC-20261122-0042",
        "source": "phone",
        "channel": "A01033",
        "branch": "城东支行",
        "customer_segment": "personal",
        "received_at": "2026-11-22T09:30:00+08:00",
        "metadata": {"agent": 7},
    }
    response = shipped.post("/v1/classify", json=request)
    assert response.status_code == 200
    decision = response.json()
    assert decision["external_id"] == "CC-20261122-0042"
    assert decision["received_at"] == "2026-11-22T09:30:00+08:00"
    assert set(decision["labels"]) == {"product", "reason", "urgency"}
    for label in decision["labels"].values():
        assert {"code", "name", "path", "confidence", "backed_off", "alternatives"} <= set(label)
        assert 0 < label["confidence"] <= 1
        for span in label["evidence"]:
            assert text[span["start"] : span["end"]] == span["text"]
    assert {"model_code", "rules"} <= set(decision["labels"]["urgency"])
    assert decision["routing"]["lead"]["code"]
    assert decision["routing"]["branch"] == "城东支行"
    assert decision["deadlines"]
    for clock in decision["deadlines"]:
        assert datetime.fromisoformat(clock["due_at"]).utcoffset() is not None
        assert clock["basis"]
    assert set(decision["versions"]) == {"model", "taxonomy", "policy"}
    stored = shipped.get(f"/v1/complaints/{decision['complaint_id']}").json()
    assert stored["decision"] == decision
    assert stored["complaint"]["text"] == text
    assert stored["complaint"]["metadata"] == {"agent": 7}


def test_any_taxonomy_serves(post: Post) -> None:
    decision = post("态度恶劣，没人理我").json()
    assert decision["labels"]["mood"]["code"] == "bad"
    assert decision["routing"]["lead"]["code"]


def test_the_same_request_gets_the_first_answer(post: Post) -> None:
    first = post("乱扣我钱", external_id="1", source="app")
    again = post("乱扣我钱", external_id="1", source="app")
    other_source = post("乱扣我钱", external_id="1", source="web")
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert other_source.json()["complaint_id"] != first.json()["complaint_id"]


def test_an_idempotency_key_holds_the_first_answer(post: Post) -> None:
    first = post("乱扣我钱", key="k1")
    assert post("乱扣我钱", key="k1").json() == first.json()
    assert post("乱扣我钱", key="k2").json()["complaint_id"] != first.json()["complaint_id"]


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({"key": "k"}, {"key": "k", "branch": "别处"}, "Idempotency-Key"),
        ({"external_id": "1"}, {"external_id": "1", "branch": "别处"}, "external_id"),
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(
    post: Post, first: dict[str, Any], second: dict[str, Any], field: str
) -> None:
    assert post(**first).status_code == 200
    response = post(**second)
    assert response.status_code == 409
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"text": ""}, "text", "empty"),
        ({"text": " \n\t\u200b "}, "text", "words"),
        ({"text": "长" * 20_001}, "text", "at most 20000"),
        ({"text": 7}, "text", "string, got a int"),
        ({"text": None}, "text", "nothing"),
        ({"text": ["a"]}, "text", "a list of 1"),
        ({"text": "x", "external_id": ""}, "external_id", "at least 1"),
        ({"text": "x", "external_id": "9" * 129}, "external_id", "at most 128"),
        ({"text": "x", "received_at": "yesterday"}, "received_at", "datetime"),
        ({"text": "x", "received_at": "0001-01-01T00:00:00+14:00"}, "received_at", "2000 to 2099"),
        ({"text": "x", "received_at": "9999-12-31T23:59:59-12:00"}, "received_at", "2000 to 2099"),
        ({"text": "x", "external_id": "a\x00b"}, "external_id", "pattern"),
        ({"text": "x", "metadata": "m"}, "metadata", "dictionary"),
        ({"text": "x", "metadata": {"a": 10**30}}, "metadata", "64 bits"),
        ({"text": "x", "metadata": {"a": "长" * 30_000}}, "metadata", "65536 bytes"),
        ({"text": "x", "colour": "red"}, "colour", "not permitted"),
        ({}, "text", "required"),
    ],
)
def test_bad_fields_are_named(
    client: TestClient, fields: dict[str, Any], field: str, said: str
) -> None:
    response = client.post("/v1/classify", json=fields)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert said in error["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("source", "pigeon"), ("channel", "A77"), ("customer_segment", "martian")],
)
def test_unknown_codes_are_answered_with_the_known_ones(
    shipped: TestClient, field: str, value: str
) -> None:
    response = shipped.post("/v1/classify", json={"text": "年费太高", field: value})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert value in error["message"]
    assert "expected one of" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": ',
        b"",
        b"text",
        '{"text": "年费"}'.encode("gbk"),
        b"\xff\xfe",
        b'{"text": "\x00"}',
    ],
)
def test_bodies_that_are_no_json_are_refused(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/classify", content=body, headers=headers)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == PROBLEM
    assert response.json()["errors"]


def test_lone_surrogates_are_refused_not_a_crash(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/classify", content=b'{"text": "\\ud800"}', headers=headers)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "text"


def test_numbers_that_are_none_are_refused(client: TestClient) -> None:
    body = b'{"text": "x", "metadata": {"a": 1e400}}'
    response = client.post(
        "/v1/classify", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "metadata"


def test_a_nul_in_a_text_is_kept_as_one_character(client: TestClient, post: Post) -> None:
    decision = post("态度\x00恶劣").json()
    stored = client.get(f"/v1/complaints/{decision['complaint_id']}").json()
    assert stored["complaint"]["text"] == "态度\ufffd恶劣"


def test_a_refused_complaint_leaves_nothing_behind(post: Post) -> None:
    assert post("", external_id="1").status_code == 422
    assert post("态度恶劣", external_id="1").status_code == 200


def test_errors_do_not_quote_the_customer(client: TestClient) -> None:
    secret = "王某的卡号六二二二"
    response = client.post("/v1/classify", json={"text": "x", "metadata": secret})
    assert secret not in response.text


def test_the_longest_text_is_accepted_and_said_to_be_truncated(post: Post) -> None:
    response = post("态度恶劣" * 5_000)
    assert response.status_code == 200
    assert response.json()["truncated"] is True


def test_a_time_without_offset_is_shanghai_time(post: Post) -> None:
    decision = post(received_at="2026-01-02T03:04:05").json()
    assert decision["received_at"] == "2026-01-02T03:04:05+08:00"


def test_unknown_complaints_and_paths_are_problems(client: TestClient) -> None:
    for path in ("/v1/complaints/none", "/v1/none"):
        response = client.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == PROBLEM
    assert client.get("/v1/classify").status_code == 405
