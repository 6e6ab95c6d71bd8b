"""Packs uploaded, tried and activated on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data.errors import NotFoundError, PolicyError
from serving.cli import main
from serving.policies.files import read
from serving.store.database import connect, migrate
from serving.store.store import Store
from serving.triage.policy import PACKS
from tests.store.kit import entry


@pytest.fixture(autouse=True)
def service(mood_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with two complaints, and the toy bundle over them."""
    url = f"sqlite:///{tmp_path}/suda.sqlite3"
    monkeypatch.setenv("SUDA_DATABASE_URL", url)
    monkeypatch.setenv("SUDA_BUNDLE", str(mood_bundle))
    engine = connect(url)
    migrate(engine)
    store = Store(engine)
    for words in ("态度恶劣", "没人理我"):
        store.save(entry(words))
    store.close()


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The generic pack with another department that handles everything."""
    directory = tmp_path / "ours"
    directory.mkdir()
    for name, words in read(PACKS / "generic").items():
        (directory / name).write_text(words, encoding="utf-8")
    departments = directory / "departments.yaml"
    departments.write_text(departments.read_text() + "  - {code: elsewhere, name: 别处}\n")
    routing = directory / "routing.yaml"
    routing.write_text(routing.read_text().replace("lead: intake", "lead: elsewhere"))
    return directory


def suda(*args: str | Path) -> Result:
    return CliRunner().invoke(main.app, [str(arg) for arg in args])


def test_a_replay_says_what_moves(changed: Path) -> None:
    said = suda("policy", "replay", changed)
    assert said.exit_code == 0, said.output
    assert "2 of 2 complaints differ (100.0%)" in said.stdout
    assert "intake → elsewhere: 2" in said.stdout
    same = suda("policy", "replay", PACKS / "generic")
    assert "0 of 2 complaints differ" in same.stdout


def test_uploaded_activated_and_taken_back(changed: Path) -> None:
    pack_id = suda("policy", "upload", changed, "--note", "改派").stdout.split()[0]
    assert suda("policy", "activate", pack_id, "--why", "试行").exit_code == 0
    # What holds now is what a replay compares with.
    assert "0 of 2" in suda("policy", "replay", changed).stdout
    assert suda("policy", "activate", "default", "--why", "撤回").exit_code == 0
    said = suda("policy", "history").stdout
    assert said.index("撤回") < said.index("试行")
    assert "ours@" in said


def test_what_is_wrong_is_not_kept(changed: Path) -> None:
    (changed / "rules.yaml").write_text("version: 1")
    assert isinstance(suda("policy", "upload", changed).exception, PolicyError)
    assert isinstance(suda("policy", "activate", "nobody", "--why", "x").exception, NotFoundError)
    assert "ours" not in suda("policy", "history").stdout
