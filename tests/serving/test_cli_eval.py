"""`suda eval` with a suite, as a person runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from data.files import write_rows
from eval.suite.result import SuiteResult
from serving.cli.main import main
from tests.conftest import mood_texts

SUITE = """
version = "1"
draws = 40
[operating]
timed = 5
repeated = 4
[[metric]]
metric = "accuracy"
min = {floor}
max_loss = 0.0
why = "it matters"
"""


Suda = Callable[..., tuple[int, str, str]]


@pytest.fixture
def suda(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Suda:
    """The command in this process: its exit status, and what it printed and complained."""

    def run(*args: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["suda", *map(str, args)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "moods.jsonl"
    texts = mood_texts()[::4]
    # One label is wrong, so that a floor of 1 is missed.
    rows = [{"id": t.id, "text": t.text, "mood": t.labels["mood"]} for t in texts]
    rows[0]["mood"] = "bad" if rows[0]["mood"] == "good" else "good"
    write_rows(path, rows, ["id", "text", "mood"])
    return path


def suite(tmp_path: Path, floor: float) -> Path:
    path = tmp_path / f"suite-{floor}.toml"
    path.write_text(SUITE.format(floor=floor), encoding="utf-8")
    return path


def test_gates_hold_and_everything_is_written(
    suda: Suda, tmp_path: Path, labelled: Path, mood_bundle: Path
) -> None:
    pytest.importorskip("jinja2", reason="the report is a template")
    report, result = tmp_path / "report.html", tmp_path / "result.json"
    status, printed, complained = suda(
        *("eval", "--data", labelled, "--bundle", mood_bundle, "--champion", mood_bundle),
        *("--suite", suite(tmp_path, 0.5), "--report", report, "--json", result),
    )
    assert status == 0, complained
    assert "may serve" in printed
    assert "accuracy" in printed
    found = SuiteResult.from_json(json.loads(result.read_text()))
    assert found.passed
    assert found.champion is not None
    assert found.data.name == str(labelled)
    assert "<html" in report.read_text(encoding="utf-8")


def test_a_failed_gate_is_named_and_fails_the_command(
    suda: Suda, tmp_path: Path, labelled: Path, mood_bundle: Path
) -> None:
    args = ("eval", "--data", labelled, "--bundle", mood_bundle, "--suite", suite(tmp_path, 1.0))
    status, printed, _ = suda(*args)
    assert status == 1
    for said in ("accuracy of mood is 0.9", "expected ≥ 1", "it matters", "answered"):
        assert said in printed
    assert suda(*args, "--no-gates")[0] == 0


def test_without_a_suite_only_the_figures_are_printed(
    suda: Suda, labelled: Path, mood_bundle: Path
) -> None:
    status, printed, _ = suda("eval", "--data", labelled, "--bundle", mood_bundle)
    assert status == 0
    assert "macro-F1" in printed
    assert "gates" not in printed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--suite", "none.toml"), "none.toml: cannot be read"),
        (("--champion", "nowhere"), "nowhere: no manifest.json"),
        (("--url", "ftp://x"), "expected an http or https address"),
    ],
)
def test_errors_are_one_clear_line(
    suda: Suda, labelled: Path, mood_bundle: Path, args: tuple[str, ...], said: str
) -> None:
    status, _, complained = suda("eval", "--data", labelled, "--bundle", mood_bundle, *args)
    assert status == 1
    assert said in complained.replace("\n", "")
