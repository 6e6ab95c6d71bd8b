from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from data.errors import ConflictError, FileFormatError
from data.files import Row, read_rows, write_rows
from serving.bulk import Report, classify_file
from serving.pipeline import Pipeline
from serving.settings import Settings

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def pipeline(mood_bundle: Path) -> Pipeline:
    return Pipeline.open(Settings(bundle=mood_bundle))


Run = Callable[..., Report]


@pytest.fixture
def run(pipeline: Pipeline) -> Run:
    def classify(source: Path, target: Path, **options: Any) -> Report:
        return classify_file(source, target, pipeline, now=lambda: NOW, max_chars=20_000, **options)

    return classify


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [row.values for row in read_rows(path) if isinstance(row, Row)]


@pytest.mark.parametrize("inner", [".jsonl", ".csv", ".xlsx"])
@pytest.mark.parametrize("outer", [".jsonl", ".csv", ".xlsx"])
def test_any_format_in_any_format_out(tmp_path: Path, run: Run, inner: str, outer: str) -> None:
    source, target = tmp_path / f"in{inner}", tmp_path / f"out{outer}"
    rows = [{"id": "a", "text": "态度真好"}, {"id": "b", "text": "没人理我"}]
    write_rows(source, rows, ["id", "text"])
    report = run(source, target)
    assert (report.done, report.bad) == (2, [])
    answers = rows_of(target)
    if outer == ".jsonl":
        assert [a["labels"]["mood"]["code"] for a in answers] == ["good", "bad"]
    else:
        assert [a["mood"] for a in answers] == ["good", "bad"]
        assert all(a["lead"] for a in answers)
    assert [a["id"] for a in answers] == ["a", "b"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({source.name, target.name})


def test_a_bad_row_is_named_and_the_rest_goes_on(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(
        '{"text": "态度真好"}\n{"text": ""}\nnot json\n{"txt": "x"}\n{"text": "没人理我"}\n',
        encoding="utf-8",
    )
    target = tmp_path / "out.jsonl"
    report = run(source, target)
    assert report.done == 2
    assert [line for line, _ in report.bad] == [2, 3, 4]
    assert "text" in report.bad[0][1]
    answers = rows_of(target)
    assert ["error" in answer for answer in answers] == [False, True, True, True, False]


def test_an_id_twice_is_refused_where_it_stands_again(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "in.csv"
    source.write_text("external_id,text\n7,态度真好\n8,没人理我\n7,乱扣我钱\n", encoding="utf-8")
    report = run(source, tmp_path / "out.csv")
    assert report.bad == [(4, "external_id: stands on line 2 already")]


class StopHereError(Exception):
    pass


def test_an_interrupted_run_is_taken_up(tmp_path: Path, run: Run) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_rows(source, [{"text": f"没人理我，{i}"} for i in range(200)], ["text"])

    def stop(done: int, _: int) -> None:
        if done == 150:
            raise StopHereError

    with pytest.raises(StopHereError):
        run(source, target, on_row=stop)
    assert not target.exists()
    journal = tmp_path / ".out.jsonl.journal"
    journal.write_bytes(journal.read_bytes()[:-25])  # the last line was cut short
    before = [orjson.loads(line) for line in journal.read_bytes().split(b"\n")[1:-1]]
    report = run(source, target)
    assert report.resumed == len(before) >= 148
    assert report.done == 200
    answers = rows_of(target)
    assert [a["line"] for a in answers] == list(range(1, 201))
    kept = {e["line"]: e["decision"]["complaint_id"] for e in before}
    assert {a["line"]: a["complaint_id"] for a in answers if a["line"] in kept} == kept
    assert not journal.exists()


def test_a_journal_of_another_file_is_in_the_way(tmp_path: Path, run: Run) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_rows(source, [{"text": "没人理我"}], ["text"])
    (tmp_path / ".out.jsonl.journal").write_bytes(b'{"source":"other"}\n')
    with pytest.raises(ConflictError, match="delete it"):
        run(source, target)


def test_a_target_of_unknown_format_is_refused_before_any_work(tmp_path: Path, run: Run) -> None:
    source = tmp_path / "in.jsonl"
    write_rows(source, [{"text": "没人理我"}], ["text"])
    with pytest.raises(FileFormatError, match="suffix"):
        run(source, tmp_path / "out.txt")


def test_the_reception_time_of_a_row_is_used(tmp_path: Path, run: Run) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text("text,received_at\n没人理我,2026-01-02 03:04:05\n", encoding="utf-8")
    run(source, target)
    assert rows_of(target)[0]["received_at"] == "2026-01-02T03:04:05+08:00"
