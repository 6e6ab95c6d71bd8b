"""Keys, audit, retention, customers on the command line; and the first start of the service."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data.errors import SudaError
from serving.cli import main
from serving.cli.serve import development_key
from serving.security.encryption import new_key
from serving.security.keys import SCOPES, authenticate
from serving.settings import Settings
from serving.store import keys
from serving.store.store import Store
from tests.store.security_kit import NOW, WORDS, keep, opened


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database that the commands find."""
    url = f"sqlite:///{tmp_path}/store/suda.sqlite3"
    monkeypatch.setenv("SUDA_DATABASE_URL", url)
    monkeypatch.delenv("SUDA_TEXT_KEY", raising=False)
    return url


def suda(*args: str | Path, ok: bool = True) -> Result:
    result = CliRunner().invoke(main.app, [str(arg) for arg in args])
    if ok:
        assert result.exit_code == 0, result.output
    return result


def refused(*args: str | Path) -> str:
    result = suda(*args, ok=False)
    assert isinstance(result.exception, SudaError), result.output
    return str(result.exception)


def test_the_first_admin_and_every_key_after(url: str) -> None:
    token = suda("keys", "create", "--admin").stdout.strip()
    made = suda("keys", "create", "--scope", "intake", "--name", "呼叫中心", "--rate", "600")
    assert made.stdout.strip() not in made.stderr
    with opened(url) as (_, sessions), sessions() as session:
        found = keys.usable(session, NOW)
        admin = authenticate(token, found.get, NOW)
        intake = authenticate(made.stdout.strip(), found.get, NOW)
    assert admin is not None
    assert admin.scopes == {"admin", "audit"}
    assert intake is not None
    assert (intake.name, intake.rate) == ("呼叫中心", 600)
    shown = suda("keys", "list").stdout
    assert "呼叫中心" in shown
    assert token[18:] not in shown
    new = suda("keys", "rotate", intake.id, "--overlap", "2d").stdout.strip()
    suda("keys", "revoke", intake.id, "--why", "lost")
    with opened(url) as (_, sessions), sessions() as session:
        open_now = keys.usable(session, NOW)
        assert authenticate(new, open_now.get, NOW)
        assert intake.id not in open_now
    assert "revoked" in suda("keys", "list").stdout
    assert suda("audit", "verify").stdout.startswith("✓ 4 entries")


def test_a_key_for_a_department(url: str) -> None:
    token = suda("keys", "create", "--department", "credit_card_center").stdout.strip()
    with opened(url) as (_, sessions), sessions() as session:
        found = authenticate(token, keys.usable(session, NOW).get, NOW)
    assert found is not None
    assert (found.department, found.scopes) == ("credit_card_center", frozenset())
    assert "credit_card_center" in suda("keys", "list").stdout
    assert "department" in refused("keys", "create", "--department", "nowhere")
    both = ("--department", "credit_card_center", "--scope", "intake")
    assert "scopes" in refused("keys", "create", *both)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("keys", "create"), "at least one of intake"),
        (("keys", "create", "--scope", "root"), "unknown scope 'root'"),
        (("keys", "create", "--admin", "--expires", "soon"), "90d"),
        (("keys", "rotate", "none"), "no such key"),
        (("keys", "reencrypt"), "SUDA_TEXT_KEY"),
        (("customer", "erase", "--why", "x"), "expected a field"),
        (("customer", "erase", "--why", "x", "--field", "id"), "NAME=VALUE"),
        (("customer", "erase", "--why", "x", "--field", "id=7"), "nothing is kept"),
        (("customer", "export", "-o", "x", "--id", "7", "--unmasked"), "--why"),
        (("retention", "--days", "365"), "1096"),
        (("retention", "--days", "365", "--force"), "--why"),
        (("audit", "verify", "--anchor", "none.jsonl"), "none.jsonl"),
    ],
)
def test_errors_say_what_is_expected(url: str, args: tuple[str, ...], said: str) -> None:
    assert said in refused(*args)


def test_an_anchor_shows_a_cut_tail(url: str, tmp_path: Path) -> None:
    for _ in range(3):
        suda("keys", "create", "--admin")
    anchors, export = tmp_path / "anchors.jsonl", tmp_path / "audit.jsonl"
    suda("audit", "anchor", "-o", anchors)
    suda("keys", "create", "--admin")
    suda("audit", "anchor", "-o", anchors)
    assert len(anchors.read_text().splitlines()) == 2
    assert json.loads(suda("audit", "anchor").stdout)["seq"] == 4
    assert "and 2 anchors" in suda("audit", "verify", "--anchor", anchors).stdout
    suda("audit", "export", "-o", export)
    assert suda("audit", "verify", "--file", export, "--anchor", anchors).exit_code == 0
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(lines[:3]))
    assert suda("audit", "verify", "--file", export).exit_code == 0
    cut = suda("audit", "verify", "--file", export, "--anchor", anchors, ok=False)
    assert cut.exit_code == 1
    assert "ends at 3" in cut.stderr
    export.write_bytes(b"".join([lines[0], lines[2]]))
    assert suda("audit", "verify", "--file", export, ok=False).exit_code == 1


def test_a_customer_s_data_are_given_out_and_erased(url: str, tmp_path: Path) -> None:
    said = f"{WORDS}，电话13800138000"
    with opened(url) as (engine, _):
        mine = keep(engine, words=said, customer_id=7)
        other = keep(engine, customer_id=8)
    target = tmp_path / "out.jsonl"
    suda("customer", "export", "--field", "customer_id=7", "-o", target)
    assert target.stat().st_mode & 0o077 == 0
    assert "13800138000" not in target.read_text(encoding="utf-8")
    suda("customer", "export", "--id", mine, "-o", target, "--unmasked", "--why", "asked")
    assert json.loads(target.read_bytes())["text"] == said

    erase = ("customer", "erase", "--field", "customer_id=7", "--why", "客户要求")
    assert "令2020-5" in refused(*erase, "--apply")
    assert "--apply" in suda(*erase, "--force").stderr
    with opened(url) as (engine, _):
        assert Store(engine).complaint(mine)["text"] == said
    suda(*erase, "--force", "--apply")
    with opened(url) as (engine, _):
        assert Store(engine).complaint(mine)["text"] == ""
        assert Store(engine).complaint(other)["text"] == WORDS
    assert "nothing is kept" in refused(*erase, "--force")
    assert suda("audit", "verify").exit_code == 0


def test_what_is_past_its_time_is_erased(url: str) -> None:
    with opened(url) as (engine, _):
        old = keep(engine, now=NOW - timedelta(days=5 * 365))
        new = keep(engine)
    assert "1 received before" in suda("retention").stderr
    suda("retention", "--apply")
    with opened(url) as (engine, _):
        assert Store(engine).complaint(old)["text"] == ""
        assert Store(engine).complaint(new)["text"] == WORDS
    assert "0 received before" in suda("retention", "--apply").stderr
    assert suda("audit", "verify").stdout.startswith("✓ 1 entries")


def test_stored_words_come_under_a_new_key(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(url) as (engine, _):
        mine = keep(engine)
    key = suda("keys", "text-key").stdout.strip()
    monkeypatch.setenv("SUDA_TEXT_KEY", key)
    suda("keys", "reencrypt")
    with opened(url, key) as (engine, _):
        assert Store(engine).complaint(mine)["text"] == WORDS
    monkeypatch.setenv("SUDA_TEXT_KEY", new_key())
    target = tmp_path / "export.jsonl"
    assert "SUDA_TEXT_KEY" in refused("customer", "export", "--id", mine, "-o", str(target))
    # Nothing half-written is left behind.
    assert not list(tmp_path.glob("export*"))


def test_a_development_key_is_made_once_and_here_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    for elsewhere in (
        Settings(database_url=url, auth="on"),
        Settings(database_url=url, auth="off"),
        Settings(database_url=url, host="10.0.0.1"),
    ):
        assert development_key(elsewhere) is None
    token = development_key(Settings(database_url=url))
    assert token is not None
    with opened(url) as (_, sessions), sessions() as session:
        found = authenticate(token, keys.usable(session, NOW).get, NOW)
    assert found is not None
    assert found.scopes == set(SCOPES)
    assert found.expires_at is not None
    assert development_key(Settings(database_url=url)) is None


def test_the_printed_curl_line_works(tmp_path: Path, mood_bundle: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SUDA_")},
        "SUDA_DATABASE_URL": f"sqlite:///{tmp_path}/s.sqlite3",
        "SUDA_DRAIN_SECONDS": "0",
    }
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "serving.cli", "serve"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--bundle", str(mood_bundle)],
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = ""
        while "shown this once" not in said:
            said += process.stderr.readline() or pytest.fail(said)
        # Said once it listens; that the start-up is complete is said before.
        while "Uvicorn running" not in said:
            said += process.stderr.readline() or pytest.fail(said)
        lines = said[said.index("curl") :].split("development key")[0]
        answer = subprocess.run(["sh", "-c", lines], capture_output=True, check=False)
        if answer.returncode == 127:
            pytest.skip("curl is not installed")
        assert json.loads(answer.stdout)["labels"]["mood"]["code"]
        token = re.search(r"suda_\S{56}", lines)
        assert token
    finally:
        process.terminate()
        rest = process.communicate(timeout=30)[1]
    assert token[0] not in rest


def test_an_open_door_to_other_machines_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDA_AUTH", "off")
    # It would send this process's log lines to a stream that ends with the command.
    monkeypatch.setattr("serving.cli.serve.configure", lambda *_: None)
    assert "SUDA_AUTH: 'off' is for" in refused("serve", "--host", "10.0.0.1")
