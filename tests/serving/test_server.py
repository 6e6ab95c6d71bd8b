"""The server as a process: how it starts, logs and stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import orjson
import pytest

# A machine may be busy with other things; nothing here is about speed.
PATIENCE = 300
TEXT = "排队太久，卡号六二二二"


class Service:
    """`suda serve` in a process of its own."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.errors = folder / "log"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SUDA_")},
            "SUDA_DATABASE_URL": f"sqlite:///{folder}/suda.sqlite3",
            "SUDA_BUNDLE": str(bundle),
            "SUDA_AUTH": "off",
            "SUDA_LOG_FORMAT": "json",
            "SUDA_DEADLINE_MS": "60000",
            "SUDA_DRAIN_SECONDS": "3",
        }
        with self.errors.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving.cli", "serve", "--port", str(self.port)],
                env=environment,
                stderr=log,
                stdout=log,
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)

    def status(self, path: str) -> int | None:
        try:
            return self.client.get(path).status_code
        except httpx.TransportError:
            return None

    def wait_ready(self) -> None:
        until = time.monotonic() + PATIENCE
        while self.status("/readyz") != 200:
            assert self.process.poll() is None, self.errors.read_text()
            assert time.monotonic() < until, self.errors.read_text()
            time.sleep(0.05)

    def lines(self) -> list[dict[str, object]]:
        lines = self.errors.read_bytes().splitlines()
        return [orjson.loads(line) for line in lines if line.startswith(b'{"time"')]

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)


@pytest.fixture
def service(mood_bundle: Path, tmp_path: Path) -> Iterator[Service]:
    service = Service(mood_bundle, tmp_path)
    try:
        service.wait_ready()
        yield service
    finally:
        service.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to wait for")
def test_told_to_stop_it_is_unready_first_and_finishes_what_it_has(service: Service) -> None:
    headers = {"X-Request-Id": "call-7"}
    done = service.client.post("/v1/classify", json={"text": TEXT}, headers=headers)
    assert done.headers["X-Request-Id"] == "call-7"
    items = [{"text": f"没人理我，{i}"} for i in range(200)]
    with ThreadPoolExecutor(1) as pool:
        service.process.send_signal(signal.SIGTERM)
        batch = pool.submit(service.client.post, "/v1/classify/batch", json={"items": items})
        until = time.monotonic() + PATIENCE
        while service.status("/readyz") == 200:
            assert time.monotonic() < until
        assert service.status("/livez") == 200
        assert service.client.post("/v1/classify", json={"text": TEXT}).status_code == 200
        answers = batch.result(PATIENCE).json()["items"]
    assert sum("decision" in answer for answer in answers) == 200
    service.process.wait(PATIENCE)
    assert service.process.returncode in (0, -signal.SIGTERM)
    assert service.status("/livez") is None
    _logged(service, done.headers["X-Request-Id"])


def _logged(service: Service, name: str) -> None:
    """Each line has its request and model; none has the customer's words."""
    lines = service.lines()
    (line,) = [line for line in lines if line.get("request_id") == name]
    assert line["route"] == "/v1/classify"
    assert line["status"] == 200
    assert line["text_chars"] == len(TEXT)
    assert str(line["model"]).startswith("linear-")
    whole = service.errors.read_text(encoding="utf-8")
    assert "六二二二" not in whole
    assert "排队" not in whole
    # Probes are not worth a line.
    assert not any(line.get("route") == "/livez" for line in lines)
