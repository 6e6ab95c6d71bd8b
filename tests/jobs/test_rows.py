from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from data.errors import FileFormatError, InputError
from data.files import BadRow, Row
from serving.api.schemas import ClassifyRequest
from serving.jobs.options import JobOptions, suffix_of
from serving.jobs.rows import Reader
from serving.store.job_items import Item


def item(values: dict[str, Any], **options: Any) -> Item:
    (found,) = Reader(JobOptions(**options)).items([Row(2, values)])
    return found


def test_columns_are_named_as_the_fields_or_as_the_sender_says() -> None:
    assert item({"text": "没人理我", "id": 7, "other": "x"}) == Item(
        1, 2, {"text": "没人理我"}, given_id="7"
    )
    columns = {"text": "内容", "external_id": "工单", "id": "序号", "metadata.customer_id": "客户"}
    found = item(
        {"内容": "没人理我", "工单": 8, "序号": "a", "客户": "C7", "text": "不是这个"},
        columns=columns,
        defaults={"source": "phone", "metadata.batch": "3"},
    )
    assert found.given_id == "a"
    assert found.request == {
        "text": "没人理我",
        "external_id": "8",
        "source": "phone",
        "metadata": {"batch": "3", "customer_id": "C7"},
    }


def test_a_row_s_own_value_goes_before_the_default() -> None:
    given = {"source": "phone"}
    assert item({"text": "x", "source": "app"}, defaults=given).request["source"] == "app"


def test_the_same_complaint_has_the_same_fingerprint_as_over_http() -> None:
    sent = {"text": "没人理我", "external_id": "7", "received_at": "2026-01-02T03:04:05"}
    found = item({**sent, "external_id": 7, "received_at": datetime(2026, 1, 2, 3, 4, 5)})
    again = ClassifyRequest.model_validate(found.request)
    assert again.fingerprint() == ClassifyRequest.model_validate(sent).fingerprint()


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (BadRow(3, "is not JSON"), "row"),
        (Row(3, {"text": None}), "text"),
        (Row(3, {"other": "x"}), "text"),
        (Row(3, {"text": "x", "external_id": "9" * 200}), "external_id"),
        (Row(3, {"text": "x", "received_at": "yesterday"}), "received_at"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_keeps_no_words(row: Row | BadRow, field: str) -> None:
    (found,) = Reader(JobOptions()).items([row])
    assert found.problem is not None
    assert found.problem["errors"][0]["field"] == field
    assert (found.line, found.request) == (3, {})


def test_no_character_that_a_database_refuses_is_left() -> None:
    found = item({"text": "没\x00人", "metadata": {"a": ["\x00"]}})
    assert found.request == {"text": "没\ufffd人", "metadata": {"a": ["\ufffd"]}}


def test_missing_columns_are_named_by_what_was_asked_for_only() -> None:
    reader = Reader(JobOptions(columns={"text": "内容"}))
    with pytest.raises(InputError, match=r"columns\.text: the first line has 2 columns") as caught:
        reader.header(["冯玉兰说", "态度恶劣"])
    assert "冯玉兰" not in str(caught.value)
    with pytest.raises(InputError, match=r"columns\.external_id"):
        Reader(JobOptions(columns={"external_id": "工单"})).header(["text"])
    reader.header(["内容"])


@pytest.mark.parametrize(
    "options",
    [
        {"columns": {"colour": "x"}},
        {"columns": {"metadata.": "x"}},
        {"columns": {"text": ""}},
        {"defaults": {"text": "x"}},
        {"defaults": {"external_id": "x"}},
        {"saving": "nowhere"},
        {"unknown": 1},
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        JobOptions(**options)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.CSV", ".csv"), ("a.jsonl.gz", ".jsonl"), ("x.y.xlsx", ".xlsx")],
)
def test_the_name_says_the_format(name: str, suffix: str) -> None:
    assert suffix_of(JobOptions(), name) == suffix


def test_else_the_options_do() -> None:
    assert suffix_of(JobOptions(format="csv"), "whatever") == ".csv"
    for name in ("", "a.pdf", "a.gz", "csv"):
        with pytest.raises(FileFormatError, match="format"):
            suffix_of(JobOptions(), name)
