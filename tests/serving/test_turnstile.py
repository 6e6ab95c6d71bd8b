"""Refusals before anything is done: the same answer as the engine's own, at the same door."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from data.errors import OverloadedError, SudaError

BODY = {"text": "排队太久"}


@pytest.fixture
def full(app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The application with an engine that admits nothing."""

    def refusal(texts: int, *, within: float) -> SudaError | None:
        return OverloadedError("9 texts are due before, at 3 a second", retry_after=1.2)

    monkeypatch.setattr(app.state.suda.engine, "refusal", refusal)
    return client


def _without_own(headers: Any) -> dict[str, str]:
    return {k: v for k, v in headers.items() if k not in ("x-request-id", "date")}


def test_the_early_refusal_is_the_engines_own(full: TestClient) -> None:
    early = full.post("/v1/classify", json=BODY)
    # With a deadline of one's own, the engine itself refuses.
    later = full.post("/v1/classify", json=BODY, headers={"Suda-Deadline-Ms": "400"})
    assert early.status_code == later.status_code == 429
    assert early.json() == later.json()
    assert _without_own(early.headers) == _without_own(later.headers)
    assert early.headers["Retry-After"] == "2"
    assert early.headers["X-Request-Id"]


def test_it_is_counted_like_any_other(full: TestClient) -> None:
    full.post("/v1/classify", json=BODY)
    line = 'suda_requests_total{method="POST",route="/v1/classify",status="429"} 1.0'
    assert line in full.get("/metrics").text


def test_who_may_not_send_is_told_so_first(full: TestClient) -> None:
    key = full.headers.pop("Authorization")
    assert full.post("/v1/classify", json=BODY).status_code == 401
    full.headers["Authorization"] = key
    assert full.get("/v1/taxonomy").status_code == 200
    assert full.get("/v1/classify").status_code == 405


def test_nobody_is_refused_while_there_is_room(client: TestClient) -> None:
    assert client.post("/v1/classify", json=BODY).status_code == 200
