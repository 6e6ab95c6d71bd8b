"""A served Suda of the browser tests' own: a process, a store, people of every role."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from serving.security.keys import SCOPES
from serving.security.passwords import hashed
from serving.security.roles import Role
from serving.settings import Settings
from serving.store import keys, users
from serving.store.database import connect, migrate

PASSWORD = "x7-kettle-moon"
PEOPLE: dict[str, tuple[str, Role]] = {
    "reviewer": ("李玲", "reviewer"),
    "reviewer2": ("王建国", "reviewer"),
    "lead": ("陈芳", "lead"),
    "admin": ("张伟", "admin"),
    "auditor": ("赵敏", "auditor"),
}
_STARTS_WITHIN = 90


@dataclass(frozen=True)
class Site:
    """Where it answers, its store, and an API key that may do everything."""

    url: str
    database_url: str
    key: str
    log: Path

    @property
    def host(self) -> str:
        """Name and port."""
        return self.url.removeprefix("http://")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction of the store, beside the server's own."""
        engine = connect(self.database_url)
        try:
            with sessionmaker(engine, expire_on_commit=False).begin() as session:
                yield session
        finally:
            engine.dispose()


def populate(database_url: str) -> str:
    """Make the people, and a key."""
    engine = connect(database_url)
    migrate(engine)
    now = datetime.now(UTC)
    with sessionmaker(engine).begin() as session:
        token = keys.create(
            session, keys.Wish("投诉登记系统", frozenset(SCOPES)), "cli:ops", now
        ).token
    with sessionmaker(engine).begin() as session:
        for login, (name, role) in PEOPLE.items():
            user = users.add(session, users.Person(login, name, role), None, "cli:ops", now)
            kept = hashed(PASSWORD)
            users.set_password(session, user.id, kept, "cli:ops", now, must_change=False)
    engine.dispose()
    return token


@contextmanager
def served(
    directory: Path, filled: Callable[[str], None] | None = None, **settings: str
) -> Iterator[Site]:
    """Start `suda serve` on a free port, and stop it; `filled` gets the store's address before."""
    database_url = f"sqlite:///{directory}/suda.sqlite3"
    key = populate(database_url)
    if filled is not None:
        filled(database_url)
    port = _free_port()
    log = directory / "serve.log"
    environment = {
        **os.environ,
        "SUDA_DATABASE_URL": database_url,
        "SUDA_DRAIN_SECONDS": "0",
        **{f"SUDA_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "serving.cli", "serve", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, log)
        yield Site(url, database_url, key, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"suda serve did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def settings_of(site: Site) -> Settings:
    """Settings over the site's store, for work beside the server."""
    return Settings(database_url=site.database_url)
