"""`suda serve` in a process of its own, on a store of its own, with a key of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
from sqlalchemy.orm import Session

from serving.security.keys import SCOPES
from serving.store import keys
from serving.store.database import connect, migrate

ROOT = Path(__file__).parents[2]
# Loading and warming up on a machine that does other things as well, in seconds.
PATIENCE = 180.0


class NotStartedError(Exception):
    """The service ended, or took too long, before it was ready; says what it logged last."""


@dataclass
class Service:
    """One service, which may be killed and started anew on the same store.

    `settings` are further variables (`SUDA_WORKERS`); `command` starts another service than ours,
    `{port}` in it being the port.
    """

    folder: Path
    database_url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = (sys.executable, "-m", "serving.cli", "serve", "--port", "{port}")
    ready_path: str = "/readyz"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = self.port or free_port()

    @property
    def log(self) -> Path:
        """What it wrote to standard error and output, over all its starts."""
        return self.folder / "service.log"

    def start(self, *, wait: bool = True) -> Service:
        """Start it; with `wait`, return once it is ready. Raises NotStartedError."""
        # Of our own settings only what the tests save time with.
        kept = {"SUDA_PROCESSES"}
        mine = {k: v for k, v in os.environ.items() if k in kept or not k.startswith("SUDA_")}
        environment = {
            **mine,
            "SUDA_DATABASE_URL": self.database_url,
            "SUDA_LOG_FORMAT": "json",
            "SUDA_DRAIN_SECONDS": "0",
            **self.settings,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [part.format(port=self.port) for part in self.command],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, patience: float = PATIENCE) -> None:
        """Return once it is ready. Raises NotStartedError."""
        until = time.monotonic() + patience
        while self.status(self.ready_path) != 200:
            if not self.running or time.monotonic() > until:
                raise NotStartedError(self.tail())
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def status(self, path: str) -> int | None:
        """What a GET is answered with; None where nothing answers."""
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return None

    def metrics(self, token: str) -> str:
        """What it says of itself to Prometheus."""
        request = Request(
            f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {token}"}
        )
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())

    def workers(self) -> list[psutil.Process]:
        """Its processes that run the model."""
        assert self.process is not None  # noqa: S101 - it was started
        return psutil.Process(self.process.pid).children()

    def usage(self) -> tuple[float, float]:
        """Processor seconds used so far, and resident memory in MB, with its worker processes.

        Pages that they share count for each: an upper bound.
        """
        assert self.process is not None  # noqa: S101 - it was started
        found = psutil.Process(self.process.pid)
        all_of_it = [found, *found.children(recursive=True)]
        times = [each.cpu_times() for each in all_of_it]
        memory = sum(each.memory_info().rss for each in all_of_it)
        return sum(t.user + t.system for t in times), memory / 2**20

    def kill(self) -> None:
        """End it at once, as a power cut would (kill -9)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it finish what it has."""
        self._end(signal.SIGTERM)

    def tail(self, lines: int = 15) -> str:
        """What it logged last."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_key(database_url: str) -> str:
    """A key of the store that may do everything; the schema is made where there is none."""
    engine = connect(database_url)
    try:
        migrate(engine)
        with Session(engine) as session, session.begin():
            wish = keys.Wish("benchmark", frozenset(SCOPES))
            return keys.create(session, wish, "benchmark", datetime.now(UTC)).token
    finally:
        engine.dispose()
