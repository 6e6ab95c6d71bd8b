"""The units: understood by systemd, shut in, and in step with the service."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.kit import DEPLOY, command_exists, settings_of

SERVICES = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*/*.service")])
TIMERS = sorted(DEPLOY.glob("*/*.timer"))
EACH = pytest.mark.parametrize("path", SERVICES, ids=lambda path: str(path.name))
HARDENING = {
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "User": "suda",
    "StateDirectory": "suda",
}


def entries(path: Path) -> dict[str, list[str]]:
    """Directives of a unit with all their values."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def environment(unit: dict[str, list[str]]) -> dict[str, str]:
    return dict(value.split("=", 1) for value in unit.get("Environment", ()))


def test_systemd_knows_every_directive() -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd is not installed")
    done = subprocess.run(
        [tool, "verify", *SERVICES, *TIMERS], capture_output=True, text=True, check=False
    )
    # Suda is not installed here, and there may be no manual pages.
    ours = [line for line in done.stderr.splitlines() if "suda" in line]
    assert [line for line in ours if "is not executable" not in line] == []


@EACH
def test_each_is_shut_in(path: Path) -> None:
    unit = entries(path)
    for name, value in HARDENING.items():
        assert unit[name] == [value], name


def test_what_listens_is_shut_in_further() -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd is not installed")
    done = subprocess.run(
        [tool, "security", "--offline=true", "--threshold=20", DEPLOY / "suda.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1:]


@EACH
def test_each_runs_a_command_that_exists_with_settings_that_exist(path: Path) -> None:
    unit = entries(path)
    (line,) = unit["ExecStart"]
    program, *words = shlex.split(line)
    assert program == "/opt/suda/bin/suda"
    assert command_exists(words) is None
    settings = settings_of(environment(unit))
    assert settings.database_url == "sqlite:////var/lib/suda/suda.sqlite3"
    # What it writes beside its own directory it may write.
    for word in words:
        if word.startswith("/"):
            allowed = unit.get("ReadWritePaths", [])
            assert any(word.startswith(folder) for folder in allowed), word


def test_the_service_is_given_the_time_it_takes_to_stop() -> None:
    unit = entries(DEPLOY / "suda.service")
    settings = settings_of(environment(unit))
    (limit,) = unit["TimeoutStopSec"]
    assert settings.drain_seconds + settings.shutdown_seconds < int(limit.removesuffix("s"))
    assert settings.auth == "on"
    assert unit["KillSignal"] == ["SIGTERM"]


@pytest.mark.parametrize("path", TIMERS, ids=lambda path: str(path.name))
def test_each_timer_has_its_service_and_catches_up(path: Path) -> None:
    assert path.with_suffix(".service") in SERVICES
    unit = entries(path)
    assert unit["Persistent"] == ["true"] or unit["Persistent"] == ["yes"]
    tool = shutil.which("systemd-analyze")
    if tool is not None:
        subprocess.run([tool, "calendar", *unit["OnCalendar"]], check=True, capture_output=True)


def test_the_crontab_runs_a_command_that_exists() -> None:
    text = (DEPLOY / "retrain" / "crontab").read_text("utf-8")
    (command,) = re.findall(r"/opt/suda/bin/suda ([^>]+?) >>", text)
    assert command_exists(command.split()) is None
