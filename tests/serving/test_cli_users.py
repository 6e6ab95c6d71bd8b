"""`suda users`: the first administrator comes from here."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from serving.cli.main import app
from serving.security.passwords import verified
from serving.store import audit, users
from serving.store.database import connect
from serving.store.rows.web import UserRow

PASSWORD = "x7-kettle-moon"


@pytest.fixture(autouse=True)
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/suda.sqlite3"
    monkeypatch.setenv("SUDA_DATABASE_URL", url)
    return url


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["users", *words], input=typed)


def kept(url: str, login: str) -> UserRow:
    engine = connect(url)
    with Session(engine, expire_on_commit=False) as session:
        row = users.by_login(session, login)
    engine.dispose()
    assert row is not None
    return row


def test_the_first_administrator(url: str) -> None:
    done = run("add", "Zhang", "--role", "admin", "--name", "张伟", typed=f"{PASSWORD}\n" * 2)
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    row = kept(url, "zhang")
    assert (row.role, row.name, row.must_change) == ("admin", "张伟", True)
    assert verified(row.password_hash, PASSWORD)


def test_a_generated_password_is_printed_once(url: str) -> None:
    done = run("add", "wang", "--role", "lead", "--generate")
    password = done.stdout.strip()
    assert verified(kept(url, "wang").password_hash, password)
    assert password not in run("list").output


def test_a_weak_password_is_refused(url: str) -> None:
    done = run("add", "zhang", "--role", "admin", typed="Password123456\n" * 2)
    assert done.exit_code == 1
    assert "harder to guess" in str(done.exception)
    assert run("list").output.count("zhang") == 0


def test_disabled_enabled_reset_unlocked_and_recorded(url: str) -> None:
    for login, role in (("zhang", "admin"), ("wang", "lead")):
        run("add", login, "--role", role, "--generate")
    assert run("disable", "wang").exit_code == 0
    assert "disabled" in run("list").output
    assert run("enable", "wang").exit_code == 0
    done = run("reset", "wang", "--generate")
    assert verified(kept(url, "wang").password_hash, done.stdout.strip())
    assert run("unlock", "wang").exit_code == 0
    engine = connect(url)
    with Session(engine) as session:
        found = [e.action for e in audit.entries(session, audit.Filter(subject="user:wang"))]
        assert all(e.actor.startswith("cli:") for e in audit.entries(session))
    engine.dispose()
    assert found == [
        "user.added",
        "user.disabled",
        "user.enabled",
        "user.password_reset",
        "user.unlocked",
        "user.unlocked",
    ]


def test_what_cannot_be_is_said() -> None:
    run("add", "zhang", "--role", "admin", "--generate")
    assert "last administrator" in str(run("disable", "zhang").exception)
    assert "no such user" in str(run("reset", "nobody", "--generate").exception)
    assert "unknown role" in str(run("add", "li", "--role", "root", "--generate").exception)
