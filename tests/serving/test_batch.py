from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from serving.settings import Settings


def send(client: TestClient, items: Any, key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/classify/batch", json={"items": items}, headers=headers)


def test_answers_come_in_the_order_of_the_items(client: TestClient) -> None:
    texts = [f"{'态度真好' if i % 3 else '乱扣我钱'}，第{i}件" for i in range(256)]
    answers = send(client, [{"text": t, "external_id": str(i)} for i, t in enumerate(texts)]).json()
    assert [a["decision"]["external_id"] for a in answers["items"]] == [str(i) for i in range(256)]
    codes = [a["decision"]["labels"]["mood"]["code"] for a in answers["items"]]
    assert codes == ["good" if i % 3 else "bad" for i in range(256)]


def test_one_bad_item_spoils_no_other(client: TestClient) -> None:
    items = [
        {"text": "态度真好"},
        {"text": ""},
        3,
        {"text": "x", "colour": 1},
        {"text": "没人理我"},
    ]
    answers = send(client, items).json()["items"]
    assert ["decision" in answer for answer in answers] == [True, False, False, False, True]
    assert answers[1]["problem"]["errors"][0]["field"] == "text"
    assert answers[2]["problem"]["status"] == 422
    assert answers[3]["problem"]["errors"][0]["field"] == "colour"


def test_an_id_twice_in_a_batch_is_refused_the_second_time(client: TestClient) -> None:
    items = [{"text": "态度真好", "external_id": "1"}, {"text": "乱扣我钱", "external_id": "1"}]
    first, second = send(client, items).json()["items"]
    assert first["decision"]["labels"]["mood"]["code"] == "good"
    assert second["problem"]["errors"][0]["field"] == "external_id"


def test_a_batch_can_be_sent_again(client: TestClient) -> None:
    items = [{"text": "态度真好"}, {"text": "乱扣我钱"}]
    first = send(client, items, "k").json()["items"]
    again = send(client, items, "k").json()["items"]
    assert [a["decision"] for a in first] == [a["decision"] for a in again]
    assert [a["replayed"] for a in again] == [True, True]
    other = send(client, [items[1], items[0]], "k").json()["items"]
    assert [a["problem"]["status"] for a in other] == [409, 409]


def test_too_many_and_none(client: TestClient, settings: Settings) -> None:
    response = send(client, [{"text": "x"}] * (settings.max_batch + 1))
    assert response.status_code == 422
    assert "at most 256, got 257" in response.json()["detail"]
    assert send(client, []).status_code == 422
    assert send(client, "x").json()["errors"][0]["field"] == "items"


def test_single_and_batch_agree(client: TestClient) -> None:
    alone = client.post("/v1/classify", json={"text": "排队太久"}).json()
    (together,) = send(client, [{"text": "排队太久"}]).json()["items"]
    assert together["decision"]["labels"] == alone["labels"]
