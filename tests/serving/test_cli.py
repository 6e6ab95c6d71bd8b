"""The commands as a person runs them: in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.files import write_rows
from tests.conftest import THREE_TREES, TWO_LABELS, mood_texts


def suda(
    *args: str | Path, stdin: str | bytes = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    raw = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-m", "serving.cli", *map(str, args)],
        input=raw,
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "moods.csv"
    rows = [{"id": t.id, "text": t.text, "mood": t.labels["mood"]} for t in mood_texts()]
    write_rows(path, rows, ["id", "text", "mood"])
    return path


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(TWO_LABELS, encoding="utf-8")
    return path


def test_train_evaluate_classify_with_any_taxonomy(
    tmp_path: Path, labelled: Path, two: Path
) -> None:
    bundle = tmp_path / "bundle"
    done = suda("train", "--data", labelled, "--taxonomy", two, "-o", bundle)
    assert done.returncode == 0, done.stderr
    assert (bundle / "manifest.json").exists()

    report = tmp_path / "report.json"
    done = suda("eval", "--data", labelled, "--bundle", bundle, "-o", report, "--classes")
    assert done.returncode == 0, done.stderr
    assert "mood" in done.stdout
    assert json.loads(report.read_text())["heads"]["mood"]["accuracy"]["value"] > 0.9

    done = suda("classify", "-", "--json", "--bundle", bundle, stdin="没人理我，系统崩了")
    assert json.loads(done.stdout)["labels"]["mood"]["code"] == "bad"

    done = suda("classify", labelled, "-o", tmp_path / "out.xlsx", "--bundle", bundle)
    assert done.returncode == 0, done.stderr
    assert f"{len(mood_texts())} decided" in done.stderr


def test_a_person_reads_the_answer_in_chinese() -> None:
    done = suda("classify", "-", stdin="给我爸推销理财，说保本，结果是保险，老人70岁了")
    assert done.returncode == 0, done.stderr
    for word in ("产品线", "投诉原因", "紧急程度", "主办", "时限", "依据"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("classify", "none.jsonl"), "none.jsonl: no such file"),
        (("classify", "x.txt"), "suffix"),
        (("eval", "--data", "none.csv"), "no such file"),
        (("eval", "--bundle", "nowhere"), "manifest.json"),
        (("train", "--taxonomy", "none.yaml"), "cannot be read"),
        (("taxonomy", "check", "none.yaml"), "cannot be read"),
    ],
)
def test_errors_are_one_clear_line(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    done = suda(*args, cwd=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("stdin", "said"), [("", "text"), (b"\xff\xfe", "UTF-8"), ("\u200b", "words")]
)
def test_a_text_that_is_none_is_refused(stdin: str | bytes, said: str) -> None:
    done = suda("classify", "-", stdin=stdin)
    assert done.returncode == 1
    assert said in done.stderr


def test_bad_rows_set_the_exit_status(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "年费太高"}\n{"text": 1}\n', encoding="utf-8")
    done = suda("classify", path, "-o", tmp_path / "out.jsonl")
    assert done.returncode == 3
    assert "line 2" in done.stderr
    assert "1 decided, 1 bad" in done.stderr


def test_taxonomies_are_shown_and_checked(tmp_path: Path) -> None:
    trees = tmp_path / "trees.yaml"
    trees.write_text(THREE_TREES, encoding="utf-8")
    assert "沈阳" in suda("taxonomy", "show", trees).stdout
    assert (
        "where: tree, 4 leaves, depth 2; no definition: N1"
        in suda("taxonomy", "check", trees).stdout
    )
    assert "74 leaves" in suda("taxonomy", "check").stdout
    assert "「" in suda("taxonomy", "show", "--full", "--head", "reason").stdout


def test_policy_is_checked_and_explained() -> None:
    done = suda("policy", "check")
    assert done.returncode == 0, done.stderr
    done = suda("policy", "explain", "再不退钱我就打12378，不过我没有想闹大")
    assert done.returncode == 0, done.stderr
    assert "12378" in done.stdout


def test_data_is_checked(tmp_path: Path, labelled: Path, two: Path) -> None:
    done = suda("data", "check", labelled, "--taxonomy", two, "--similarity", "0.3")
    assert done.returncode == 4, done.stderr
    assert "near-duplicates" in done.stdout
    done = suda("data", "agreement", labelled, labelled, "--taxonomy", two)
    assert "1.000" in done.stdout
    errors = tmp_path / "errors.csv"
    done = suda("data", "label-errors", labelled, "--taxonomy", two, "-o", errors)
    assert done.returncode == 0, done.stderr
    assert errors.exists()
