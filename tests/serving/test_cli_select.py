"""`suda select` and `suda simulate` on a taxonomy of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("sklearn", reason="selection needs scikit-learn")

from data.errors import FileFormatError, InputError
from data.files import Row, read_rows, write_rows
from serving.cli.main import app
from serving.cli.simulate import mix_of
from tests.conftest import Fit, three_trees, tree_texts

RUN = CliRunner()


@pytest.fixture
def unlabelled(in_tmp: Path) -> Path:
    path = in_tmp / "pool.csv"
    rows = [{"text": f"=北京的老师{i}号买了苹果", "branch": f"支行{i}"} for i in range(30)]
    write_rows(path, rows, ["text", "branch"])
    return path


def test_select_writes_texts_with_reason_and_weight(tree_bundle: Path, unlabelled: Path) -> None:
    done = RUN.invoke(app, ["select", str(unlabelled), "-n", "10", "--bundle", str(tree_bundle)])
    assert done.exit_code == 0, done.output
    rows = [r.values for r in read_rows(Path("pool.selected.csv")) if isinstance(r, Row)]
    assert len(rows) == 10
    assert sum(float(row["weight"]) for row in rows) == pytest.approx(30)
    assert rows[-1]["why"] == "audit"
    assert all(row["branch"].startswith("支行") for row in rows)
    # A spreadsheet must not run what a customer wrote.
    assert all(row["text"].startswith("'=") for row in rows)


def test_select_keeps_json_types(tree_bundle: Path, unlabelled: Path) -> None:
    wish = ["-n", "5", "--bundle", str(tree_bundle), "-o", "x.jsonl", "--mix", "thin=2,audit=0"]
    done = RUN.invoke(app, ["select", str(unlabelled), *wish])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in Path("x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [type(row["why"]) for row in rows] == [list] * 5
    assert {row["inclusion_probability"] for row in rows} == {1.0}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "1", "text": " "}], "text"),
        ([{"id": "1", "text": "a"}, {"id": "1", "text": "b"}], "twice"),
        ([], "no text"),
    ],
)
def test_select_refuses_what_it_cannot_choose_from(
    tree_bundle: Path, in_tmp: Path, rows: list[dict[str, str]], message: str
) -> None:
    write_rows(in_tmp / "bad.jsonl", rows, ["id", "text"])
    done = RUN.invoke(app, ["select", "bad.jsonl", "--bundle", str(tree_bundle)])
    assert isinstance(done.exception, (FileFormatError, InputError))
    assert message in str(done.exception)


def test_a_mix_is_read_by_name() -> None:
    mix = mix_of("thin=2, audit=0.2")
    assert (mix.thin, mix.audit) == (2.0, 0.2)
    assert mix_of(None).audit == 0.10
    for wrong in ("luck=1", "thin=much", "audit=2"):
        with pytest.raises(InputError):
            mix_of(wrong)


def test_simulate_writes_result_and_curves(fit: Fit, in_tmp: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    taxonomy, raw = three_trees()
    texts = tree_texts()
    for name, kept in (("base", "024"), ("stream", "135")):
        rows = [{"id": t.id, "text": t.text, **t.labels} for t in texts if t.id[-1] in kept]
        write_rows(in_tmp / f"{name}.jsonl", rows, [])
    bundle = fit(taxonomy, raw, [t for t in texts if t.id[-1] in "024"])
    done = RUN.invoke(
        app,
        [
            "simulate", "--data", "stream.jsonl", "--base", "base.jsonl", "--bundle", str(bundle),
            "--every", "10", "--up-to", "10", "--seeds", "1", "-o", "out", "--corpus-sample", "60",
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "promoted" in done.output
    assert "where: macro-F1" in done.output
    result = json.loads(Path("out/result.json").read_bytes())
    assert [step["labels"] for step in result["runs"][0]["steps"]] == [0, 10]
    # A single division has no interval.
    assert result["curves"]["random"]["champion"]["mean_macro_f1"][1]["low"] is None
    assert Path("out/curves.svg").stat().st_size > 1000
    assert Path("out/curves.png").stat().st_size > 1000
