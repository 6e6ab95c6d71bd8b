"""The short way to an answer and FastAPI's own say the same to the same request."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from benchmarks.rig.hostile import ODD_JSON
from tests.serving.conftest import key_for

PLAIN = "application/json"
# Means the same, and is not among what the short way knows.
CAREFUL = "application/json; charset=utf-8; v=1"
BODIES = (
    b'{"text":"\xe6\x80\x81\xe5\xba\xa6\xe6\x81\xb6\xe5\x8a\xa3"}',
    b'{"text":"a","received_at":"2026-01-02T03:04:05","metadata":{"a":[1,2.5,null]}}',
    b'{"text":"a","received_at":1700000000,"branch":" x "}',
    b'{"text":"a","text":"\xe6\x85\xa2"}',
    b'{"text":"a","metadata":{"n":NaN}}',
    b'{"text":"a","metadata":{"n":18446744073709551616}}',
    b'{"text":"a","unknown":1}',
    b'{"text":1}',
    b'{"text":"\\u0000a"}',
    b'{"text":"a","source":"no such code"}',
    *ODD_JSON,
)


def _said(client: TestClient, body: bytes, kind: str, **headers: str) -> tuple[int, Any]:
    answer = client.post("/v1/classify", content=body, headers={"Content-Type": kind, **headers})
    found = orjson.loads(answer.content)
    for own in ("complaint_id", "received_at"):
        found.pop(own, None)
    return answer.status_code, found


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_both_ways_answer_alike(client: TestClient, body: bytes) -> None:
    # What has no time of its own gets clocks by when it came.
    (status, quick), (other, careful) = (_said(client, body, kind) for kind in (PLAIN, CAREFUL))
    assert status == other
    assert status in (200, 400, 422)
    if status == 200:
        quick, careful = quick["labels"], careful["labels"]
    assert quick == careful


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": "x" * 201},
        {"Idempotency-Key": ""},
        {"Suda-Deadline-Ms": "0"},
        {"Suda-Deadline-Ms": "9" * 30},
        {"Suda-Deadline-Ms": "1e3"},
        {"Suda-Deadline-Ms": " 60000"},
    ],
    ids=str,
)
def test_odd_headers_are_judged_alike(client: TestClient, headers: dict[str, str]) -> None:
    body = BODIES[0]
    quick, careful = (_said(client, body, kind, **headers) for kind in (PLAIN, CAREFUL))
    assert quick[0] == careful[0]
    if quick[0] != 200:
        assert quick[1] == careful[1]


def test_a_repeat_is_a_repeat_whichever_way_it_comes(client: TestClient) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = (
        client.post("/v1/classify", content=BODIES[0], headers={"Content-Type": kind, **key})
        for kind in (PLAIN, CAREFUL)
    )
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.fixture
def routed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that FastAPI's own routing was asked for."""
    asked: list[str] = []
    handle = APIRoute.handle

    async def noted(self: APIRoute, scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await handle(self, scope, receive, send)

    monkeypatch.setattr(APIRoute, "handle", noted)
    return asked


@pytest.mark.parametrize(
    ("content", "headers", "quickly"),
    [
        (BODIES[0], {}, True),
        (BODIES[0], {"Idempotency-Key": "k", "Suda-Deadline-Ms": "60000"}, True),
        (BODIES[0], {"Content-Type": CAREFUL}, False),
        (BODIES[0], {"Suda-Deadline-Ms": "0"}, False),
        (b'{"text":1}', {}, False),
        (b'{"text":"a"' + b" " * 65_536 + b"}", {}, False),
        (iter([BODIES[0][:9], BODIES[0][9:]]), {}, False),
    ],
    ids=["plain", "headers", "type", "deadline", "wrong", "long", "chunks"],
)
def test_only_what_is_in_order_goes_the_short_way(
    client: TestClient, routed: list[str], content: Any, headers: dict[str, str], quickly: bool
) -> None:
    answer = client.post(
        "/v1/classify", content=content, headers={"Content-Type": PLAIN, **headers}
    )
    assert answer.status_code in (200, 422)
    assert routed == ([] if quickly else ["/v1/classify"])


def test_a_header_twice_goes_the_long_way(client: TestClient, routed: list[str]) -> None:
    headers = [("Content-Type", PLAIN), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert client.post("/v1/classify", content=BODIES[0], headers=headers).status_code == 200
    assert routed == ["/v1/classify"]


def test_a_key_without_the_scope_is_refused_on_the_short_way(
    client: TestClient, routed: list[str]
) -> None:
    key = key_for(client.app, "review")  # type: ignore[arg-type]
    headers = {"Content-Type": PLAIN, "Authorization": f"Bearer {key}"}
    answer = client.post("/v1/classify", content=BODIES[0], headers=headers)
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"
    assert routed == []


def test_the_short_way_is_counted_by_its_route(client: TestClient) -> None:
    client.post("/v1/classify", content=BODIES[0], headers={"Content-Type": PLAIN})
    metrics = client.get("/metrics").text
    assert 'route="/v1/classify",status="200"} 1.0' in metrics
