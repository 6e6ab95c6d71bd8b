"""`suda feedback`, `suda snapshot` and `suda data check`, in this process."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data.errors import SudaError
from data.files import write_rows
from data.labelled import load_labelled
from data.snapshot.store import listed
from serving.cli.main import app
from tests.conftest import TWO_LABELS, mood_texts, two_labels

MOODS, _ = two_labels()
FILES = {
    "jsonl": "o.jsonl", "csv": "o.csv", "xlsx": "o.xlsx", "label-studio": "o.json",
    "doccano": "d.jsonl",
}  # fmt: skip


@pytest.fixture(autouse=True)
def store(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUDA_DATABASE_URL", f"sqlite:///{in_tmp}/suda.sqlite3")
    (in_tmp / "two.yaml").write_text(TWO_LABELS, encoding="utf-8")
    rows = [
        {
            "id": t.id,
            "text": t.text,
            "mood": t.labels["mood"],
            "split": ("train", "dev", "test")[i % 3],
        }
        for i, t in enumerate(mood_texts())
    ]
    write_rows(in_tmp / "base.jsonl", rows, [])
    return in_tmp


def suda(*args: str, status: int = 0) -> Result:
    done = CliRunner().invoke(app, list(args), catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit | SudaError):
        raise done.exception
    assert done.exit_code == status, done.output
    return done


def labels(path: Path) -> Path:
    rows = [
        {"text": "=1+1 手机银行转账处理中，我叫王小明", "mood": "bad", "who": "张三"},
        {"text": "大堂经理非常耐心", "mood": "好", "who": "李四", "role": "adjudication"},
        {"text": mood_texts()[2].text, "mood": "bad", "who": "李四"},
    ]  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ["text", "mood", "who", "role"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_labels_go_in_out_and_in_again(store: Path) -> None:
    path = str(labels(store / "in.csv"))
    two = ("--taxonomy", "two.yaml")
    assert "3 recorded, 0 known" in suda("feedback", "import", path, *two).output
    assert "0 recorded, 3 known" in suda("feedback", "import", path, *two).output
    for kind, name in FILES.items():
        done = suda("feedback", "export", "-o", name, "--format", kind, *two)
        assert "3 judgements" in done.output
        assert "王小明" not in (store / name).read_text("utf-8", "replace")
        assert "0 recorded, 3 known" in suda("feedback", "import", name, *two).output
    suda("feedback", "export", "-o", "raw.jsonl", "--unmasked", *two, status=1)
    assert not (store / "raw.jsonl").exists()
    why = ("--unmasked", "--why", "监管调阅", "--config", "ls.xml")
    suda("feedback", "export", "-o", "raw.jsonl", *why, *two)
    assert "王小明" in (store / "raw.jsonl").read_text(encoding="utf-8")
    assert "<Choices" in (store / "ls.xml").read_text(encoding="utf-8")


def test_refused_rows_are_named_and_set_the_status(store: Path) -> None:
    (store / "bad.jsonl").write_text(
        '{"text": "x", "mood": "odd", "who": "a"}\n{"id": "7", "mood": "bad", "who": "a"}\n'
        '{"text": "没人理我", "mood": "bad"}\n',
        encoding="utf-8",
    )
    done = suda(
        "feedback", "import", "bad.jsonl", "--taxonomy", "two.yaml", "--who", "甲", status=3
    )
    assert "line 1" in done.output
    assert "7: complaint_id" in done.output.replace("\n", " ")
    assert "1 recorded, 0 known already, 2 refused" in done.output


def test_a_snapshot_is_made_listed_shown_and_verified(store: Path) -> None:
    path = str(labels(store / "in.csv"))
    suda("feedback", "import", path, "--taxonomy", "two.yaml")
    make = ("snapshot", "make", "--base", "base.jsonl", "--taxonomy", "two.yaml")
    first = suda(*make).stdout.strip()
    assert suda(*make).stdout.strip() == first
    found = {item.id: item for item in load_labelled(Path(first), MOODS)}
    feedback = [item for item in found.values() if item.meta["origin"] == "feedback"]
    # The third one repeats a text of the base's test split.
    assert len(feedback) == 2
    assert "王**" in next(item.text for item in feedback if "=1+1" in item.text)
    (snapshot,) = listed(store / "var/snapshots")
    assert snapshot.manifest.reasons() == {"held out": 1}

    name = Path(first).name
    assert name in suda("snapshot", "list").output
    shown = json.loads(suda("snapshot", "show", name).stdout)
    assert shown["counts"]["feedback"] == 2
    lineage = json.loads(suda("snapshot", "show", name, "--text", feedback[0].id).stdout)
    assert lineage["mood"]["who"] in ("张三", "李四")
    assert "ok" in suda("snapshot", "verify").output
    rows = Path(first) / "rows.jsonl"
    rows.chmod(0o644)
    rows.write_bytes(rows.read_bytes() + b"\n")
    assert "rows.jsonl was changed" in suda("snapshot", "verify", name, status=4).output


def test_a_snapshot_continues_another_and_keeps_registered_sets_out(store: Path) -> None:
    two = ("--taxonomy", "two.yaml")
    first = suda("snapshot", "make", "--base", "base.jsonl", "--no-stored", *two).stdout.strip()
    (store / "new.jsonl").write_text(
        '{"id": "n1", "text": "贷款利率和当初说的不一样", "mood": "bad", "who": "a"}\n'
        '{"id": "n2", "text": "存单到期取不出来，柜台让我回去等", "mood": "bad", "who": "a"}\n',
        encoding="utf-8",
    )
    (store / "eval.jsonl").write_text(
        '{"id": "e", "text": "贷款利率和当初说的不一样！", "mood": "bad"}\n', encoding="utf-8"
    )
    suda("snapshot", "freeze", "eval.jsonl", "--name", "real", *two)
    again = ("snapshot", "make", "--base", first, "--labels", "new.jsonl", "--no-stored", *two)
    second = suda(*again).stdout.strip()
    assert suda(*again).stdout.strip() == second
    ids = {item.id for item in load_labelled(Path(second), MOODS)}
    assert "n2" in ids
    assert "n1" not in ids
    assert Path(first).name in suda("snapshot", "show", Path(second).name).stdout


def test_data_check_scores_every_row(store: Path, mood_bundle: Path) -> None:
    path = store / "rows.jsonl"
    rows = [json.dumps({"id": t.id, "text": t.text, **t.labels}) for t in mood_texts()[::7]]
    path.write_text(
        "\n".join([*rows, '{"id": "odd", "text": "x", "mood": "odd"}']), encoding="utf-8"
    )
    done = suda(
        "data", "check", str(path), "--taxonomy", "two.yaml", "--champion", str(mood_bundle),
        "--reference", "base.jsonl", "-o", "scores.csv", status=4,
    )  # fmt: skip
    for name in ("schema", "near-duplicates", "unknown tokens", "drift", "personal data"):
        assert name in done.output
    with (store / "scores.csv").open(encoding="utf-8-sig") as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == len(rows) + 1
    assert scores[-1]["schema"] == "0.0"
    assert "mood" in scores[-1]["notes"]
    assert 0 <= float(scores[0]["unknown tokens"]) <= 1
    assert path.read_text(encoding="utf-8").count("\n") == len(rows)


def test_data_check_without_a_champion_for_these_labels(store: Path) -> None:
    (store / "ok.jsonl").write_text(
        '{"text": "手机银行转账五万八一直显示处理中", "mood": "bad"}\n', encoding="utf-8"
    )
    done = suda("data", "check", "ok.jsonl", "--taxonomy", "two.yaml", "--no-personal")
    assert "no champion was given" in done.output
    assert "ok 1 texts" in done.output
