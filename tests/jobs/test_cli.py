"""`suda jobs`, on the store of a service that runs elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from data.errors import ConflictError, InputError, NotFoundError
from serving.cli.main import app
from serving.pipeline import Pipeline
from tests.jobs.kit import Plant, planted


@pytest.fixture
def plant(sqlite_url: str, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    monkeypatch.setenv("SUDA_DATABASE_URL", sqlite_url)
    with planted(sqlite_url, pipeline) as plant:
        yield plant


def suda(*words: str) -> Result:
    return CliRunner().invoke(app, ["jobs", *words])


def test_a_file_is_handed_in_watched_and_taken_out(plant: Plant, in_tmp: Path) -> None:
    Path("投诉.csv").write_text("内容,工单\n没人理我,1\n\n态度真好,2\n,3\n", encoding="gbk")
    done = suda("submit", "投诉.csv", "--column", "text=内容", "--default", "source=app")
    assert done.exit_code == 0, done.output
    job_id = done.stdout.strip()
    assert plant.job(job_id).options["defaults"] == {"source": "app"}
    assert "queued" in suda("list").output
    assert suda("pause", job_id).exit_code == 0
    assert "paused" in suda("show", job_id).output
    assert suda("resume", job_id).exit_code == 0
    assert plant.runner().turn()
    assert job_id in suda("list", "--state", "done").output
    assert "line 5" in suda("errors", job_id).output
    assert suda("result", job_id, "-o", "out.jsonl").exit_code == 0
    first, second, third = map(orjson.loads, Path("out.jsonl").read_bytes().splitlines())
    assert first["decision"]["labels"]["mood"]["code"] == "bad"
    assert second["decision"]["labels"]["mood"]["code"] == "good"
    assert "problem" in third
    assert Path("out.jsonl").stat().st_mode & 0o077 == 0
    assert suda("delete", job_id).exit_code == 0
    assert isinstance(suda("show", job_id).exception, NotFoundError)


def test_wrong_usage_is_named(plant: Plant, in_tmp: Path) -> None:
    Path("a.csv").write_text("text\nx\n")
    assert "--column" in str(suda("submit", "a.csv", "--column", "text").exception)
    wrong = suda("submit", "a.csv", "--column", "colour=text").exception
    assert isinstance(wrong, InputError)
    assert "colour" in str(wrong)
    assert "no such file" in str(suda("submit", "none.csv").exception)
    job_id = suda("submit", "a.csv", "--dry-run").stdout.strip()
    assert plant.job(job_id).options["saving"] == "dry_run"
    assert "expected .jsonl" in str(suda("result", job_id, "-o", "x.txt").exception)
    assert suda("cancel", job_id).exit_code == 0
    assert isinstance(suda("cancel", job_id).exception, ConflictError)
