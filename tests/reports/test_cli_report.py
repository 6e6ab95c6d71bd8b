"""`suda report`: prints, writes every format, freezes, lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.taxonomy.load import load
from serving.cli.main import app
from tests.boards.kit import filled
from tests.reports.kit import PERIOD

runner = CliRunner()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found = f"sqlite:///{tmp_path_factory.mktemp('cli')}/suda.sqlite3"
    with filled(found, load(), cases=80):
        yield found


@pytest.fixture(autouse=True)
def _store(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDA_DATABASE_URL", url)


def test_prints_a_table() -> None:
    shown = runner.invoke(app, ["report", "make", PERIOD, "--table", "product"])
    assert shown.exit_code == 0, shown.output
    assert "合计" in shown.output


@pytest.mark.parametrize("name", ["q.xlsx", "q.zip", "q.pdf", "q.json"])
def test_writes_files(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    shown = runner.invoke(app, ["report", "make", PERIOD, "-o", str(target)])
    assert shown.exit_code == 0, shown.output
    assert target.stat().st_size > 1000
    if target.suffix == ".json":
        assert json.loads(target.read_bytes())["reconciled"]


def test_freezes_once_and_lists() -> None:
    assert runner.invoke(app, ["report", "freeze", PERIOD]).exit_code == 0
    again = runner.invoke(app, ["report", "freeze", PERIOD])
    assert again.exit_code == 1
    assert "frozen already" in str(again.exception)
    assert PERIOD in runner.invoke(app, ["report", "list"]).output


@pytest.mark.parametrize(
    "arguments", [["2026Q9"], [PERIOD, "--where", "branch"], [PERIOD, "--table", "none"]]
)
def test_says_what_was_expected(arguments: list[str]) -> None:
    shown = runner.invoke(app, ["report", "make", *arguments])
    assert shown.exit_code == 1
    assert "expected" in str(shown.exception)
