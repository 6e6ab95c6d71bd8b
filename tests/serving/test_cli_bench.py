from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from serving.cli.bench import bench
from tests.conftest import mood_texts


def test_bench_measures_bundles_side_by_side(mood_bundle: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(bench)
    data = tmp_path / "texts.jsonl"
    rows = [{"text": item.text, **item.labels} for item in mood_texts()]
    data.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    options = ["--rounds", "1", "--seconds", "0.01", "--calls", "20", "--swaps", "2"]
    paths = ["--bundle", str(mood_bundle), "--data", str(data), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*paths, *options])
    assert done.exit_code == 0, done.output
    assert "1 thread a call" in done.output
    content = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert content["rows"][0]["latency_ms"]["mixed"]["value"] > 0
    assert len(content["memory"]["after_swaps"]) == 2
