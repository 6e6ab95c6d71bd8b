"""The service is killed in the middle of a job and started again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import create_engine, text

from tests.jobs.kit import table

# A machine may be busy with other things; nothing here is about speed.
PATIENCE = 300
ROWS = 400


class Process:
    """`suda serve` in a process of its own."""

    def __init__(self, bundle: Path, url: str, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SUDA_")},
            "SUDA_DATABASE_URL": url,
            "SUDA_BUNDLE": str(bundle),
            "SUDA_AUTH": "off",
            "SUDA_JOB_LEASE_SECONDS": "2",
        }
        self.log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving.cli", "serve", "--port", str(port)],
                env=environment,
                stdout=errors,
                stderr=errors,
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)

    def wait_ready(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            try:
                if self.client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)

    def kill(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait(PATIENCE)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_in_the_middle_no_row_is_lost_or_decided_twice(
    mood_bundle: Path, tmp_path: Path, sqlite_url: str
) -> None:
    service = Process(mood_bundle, sqlite_url, tmp_path / "log")
    database = create_engine(sqlite_url)
    try:
        service.wait_ready()
        files = {"file": ("in.csv", table(ROWS, ids=False).encode())}
        made = service.client.post("/v1/jobs", files=files, headers={"Idempotency-Key": "k"})
        job_id = made.json()["id"]
        decided = text("SELECT count(*) FROM job_items WHERE state = 'done'")
        until = time.monotonic() + PATIENCE
        while True:
            with database.connect() as connection:
                if connection.scalar(decided) >= ROWS / 5:
                    break
            assert time.monotonic() < until, service.log.read_text()
        service.kill()
        service = Process(mood_bundle, sqlite_url, tmp_path / "log")
        service.wait_ready()
        until = time.monotonic() + PATIENCE
        while (job := service.client.get(f"/v1/jobs/{job_id}").json())["state"] != "done":
            assert time.monotonic() < until, job
            time.sleep(0.05)
        assert (job["done"], job["failed"], job["replayed"]) == (ROWS, 0, 0)
        lines = service.client.get(f"/v1/jobs/{job_id}/result").content.splitlines()
        found = [orjson.loads(line) for line in lines]
        assert [row["row"] for row in found] == list(range(1, ROWS + 1))
        assert len({row["decision"]["complaint_id"] for row in found}) == ROWS
        with database.connect() as connection:
            for query in (
                "SELECT count(*) FROM complaints",
                "SELECT count(*) FROM decisions",
                "SELECT count(DISTINCT subject) FROM audit_log WHERE action = 'decision.recorded'",
                "SELECT count(*) FROM audit_log WHERE action = 'decision.recorded'",
            ):
                assert connection.scalar(text(query)) == ROWS, query
    finally:
        service.kill()
        database.dispose()
