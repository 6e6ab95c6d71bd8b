"""Every real complaint through HTTP and through the file command; both must agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from data.files import Row, read_rows, write_rows
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from serving.bulk import classify_file
from serving.pipeline import Pipeline
from serving.settings import Settings

pytestmark = pytest.mark.real

WHEN = "2026-11-22T09:30:00+08:00"


@pytest.fixture(scope="module")
def by_http(shipped: TestClient, real_texts: list[LabelledText]) -> list[dict[str, Any]]:
    return [
        shipped.post("/v1/classify", json={"text": t.text, "received_at": WHEN}).json()
        for t in real_texts
    ]


@pytest.fixture(scope="module")
def by_file(
    tmp_path_factory: pytest.TempPathFactory, real_texts: list[LabelledText]
) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("real")
    rows = [{"text": t.text, "received_at": WHEN} for t in real_texts]
    write_rows(folder / "in.jsonl", rows, ["text"])
    report = classify_file(
        folder / "in.jsonl",
        folder / "out.jsonl",
        Pipeline.open(Settings()),
        now=lambda: datetime.now(UTC),
        max_chars=20_000,
    )
    assert report.bad == []
    return [row.values for row in read_rows(folder / "out.jsonl") if isinstance(row, Row)]


def test_every_real_complaint_gets_a_complete_decision(
    by_http: list[dict[str, Any]], real_texts: list[LabelledText], taxonomy: Taxonomy
) -> None:
    for item, decision in zip(real_texts, by_http, strict=True):
        for head in taxonomy.heads:
            label = decision["labels"][head.name]
            assert label["code"] in head.by_code
            assert 0 < label["confidence"] <= 1
            for span in label["evidence"]:
                assert item.text[span["start"] : span["end"]] == span["text"]
        assert decision["routing"]["lead"]["name"]
        assert {clock["clock"] for clock in decision["deadlines"]} >= {"first_contact", "decide"}
        for flag in decision["flags"]:
            for hit in flag["evidence"]:
                assert item.text[hit["start"] : hit["end"]] == hit["text"]


def test_http_and_file_agree_exactly(
    by_http: list[dict[str, Any]], by_file: list[dict[str, Any]]
) -> None:
    # An id is new each time a complaint is taken in; a file's rows carry their line.
    for one, other in zip(by_http, by_file, strict=True):
        assert {k: v for k, v in one.items() if k != "complaint_id"} == {
            k: v for k, v in other.items() if k not in ("complaint_id", "line", "id")
        }
