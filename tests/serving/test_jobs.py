from __future__ import annotations

import csv
import gzip
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from data.files import write_rows
from serving.api.app import create_app
from serving.settings import Settings
from tests.serving.conftest import entered, key_for

PATIENCE = 60


@pytest.fixture
def settings(mood_bundle: Path, tmp_path: Path) -> Settings:
    (tmp_path / "in").mkdir()
    return Settings(
        bundle=mood_bundle,
        database_url=f"sqlite:///{tmp_path}/store/suda.sqlite3",
        deadline_ms=60_000,
        batch_deadline_ms=60_000,
        max_job_bytes=200_000,
        max_job_rows=500,
        job_urls=f"file://{tmp_path}/in/, memory://in/",
    )


Submit = Callable[..., Any]


@pytest.fixture
def submit(client: TestClient) -> Submit:
    def send(
        content: bytes | str, name: str = "in.csv", headers: Any = None, **options: Any
    ) -> Any:
        raw = content.encode() if isinstance(content, str) else content
        data = {"options": orjson.dumps(options).decode()} if options else None
        files = {"file": (name, raw)}
        return client.post("/v1/jobs", files=files, data=data, headers=headers)

    return send


def ended(client: TestClient, job_id: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE
    while True:
        job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        assert time.monotonic() < until, job
        time.sleep(0.02)


def result_of(client: TestClient, job_id: str, **query: Any) -> list[dict[str, Any]]:
    response = client.get(f"/v1/jobs/{job_id}/result", params=query)
    assert response.status_code == 200, response.text
    return [orjson.loads(line) for line in response.content.splitlines()]


ROWS = (
    "id,external_id,source,text\na,1,app,态度真好\nb,2,app,没人理我\nc,3,app,\nd,4,app,乱扣我钱\n"
)


def test_a_file_goes_in_and_its_decisions_come_out(client: TestClient, submit: Submit) -> None:
    response = submit(ROWS)
    assert response.status_code == 202, response.text
    job_id = response.json()["id"]
    assert response.headers["Location"] == f"/v1/jobs/{job_id}"
    assert (response.json()["total"], response.json()["failed"]) == (4, 1)
    job = ended(client, job_id)
    assert (job["state"], job["total"], job["done"], job["failed"]) == ("done", 4, 3, 1)
    assert job["started_at"] <= job["ended_at"]
    assert job["first_errors"][0]["line"] == 4
    good, bad, empty, charged = result_of(client, job_id)
    assert (good["row"], good["line"], good["id"]) == (1, 2, "a")
    assert good["decision"]["labels"]["mood"]["code"] == "good"
    assert bad["decision"]["labels"]["mood"]["code"] == "bad"
    assert "text" in empty["problem"]["detail"]
    assert charged["decision"]["versions"]["model"].startswith("linear-")
    # It is stored as any complaint is.
    stored = client.get(f"/v1/complaints/{bad['decision']['complaint_id']}").json()
    assert stored["complaint"]["text"] == "没人理我"
    assert stored["complaint"]["external_id"] == "2"
    actions = [link["action"] for link in client.get("/v1/audit").json()["items"]]
    assert actions.count("decision.recorded") == 3
    assert {"job.created", "job.ended", "job.downloaded"} <= set(actions)
