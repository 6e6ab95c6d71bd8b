"""A taxonomy out of other people's tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import InputError
from data.labelled import load_labelled
from data.taxonomy.derive import Columns, derive, guess, read_columns
from data.taxonomy.load import parse

ROWS = [
    {"text": f"第{i}条", "label": str(i % 2), "cat": ("书", "酒")[i % 2], "note": f"n{i}"}
    for i in range(8)
]


def test_the_label_column_is_the_head() -> None:
    columns = guess(ROWS, ["text", "label", "cat", "note"], "text")
    assert columns == Columns("text", {"label": "label"})
    derived = derive(ROWS, columns, taxonomy_id="mine", title="Mine")
    taxonomy = parse(derived.taxonomy, name="mine")
    assert [label.code for label in taxonomy["label"]] == ["0", "1"]
    assert derived.counts == {"label": {"0": 4, "1": 4}}
    assert derived.ignored["note"] == "has 8 different values in 8 rows"
    assert derived.ignored["cat"] == "was not asked for"


def test_without_one_every_column_that_repeats_is() -> None:
    rows = [{k: v for k, v in row.items() if k != "label"} for row in ROWS]
    assert guess(rows, ["text", "cat", "note"], "text").labels == {"cat": "cat"}


def test_no_column_of_labels_is_an_error() -> None:
    rows = [{"text": str(i), "note": str(i)} for i in range(5)]
    with pytest.raises(InputError, match="expected a column with labels, got text, note"):
        guess(rows, ["text", "note"], "text")


def test_other_names_become_ours(tmp_path: Path) -> None:
    table = tmp_path / "公开.csv"
    table.write_text("类别,review\n正面,很好\n负面,很差\n正面,不错\n", encoding="gb18030")
    rows, names = read_columns(table)
    assert names == ["类别", "review"]
    derived = derive(rows, Columns("review", {"类别": "mood"}), taxonomy_id="reviews", title="评论")
    taxonomy = parse(derived.taxonomy, name="reviews")
    assert [label.code for label in taxonomy["mood"]] == ["正面", "负面"]
    assert taxonomy["mood"].title == "类别"
    assert derived.rows[0] == {"text": "很好", "mood": "正面"}


def test_labels_that_are_numbers_stay_text_and_in_order(tmp_path: Path) -> None:
    rows = [{"text": "t", "label": value} for value in (10, 9, "2", 2)]
    derived = derive(rows, Columns("text", {"label": "label"}), taxonomy_id="n", title="N")
    assert list(derived.counts["label"]) == ["2", "9", "10"]
    assert b"'10'" in derived.taxonomy


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns("text", {"label": "类别"}), "cannot name a head"),
        (Columns("text", {"label": "split"}), "has a meaning of its own"),
        (Columns("text", {"nothing": "nothing"}), "expected 2 to 200 different labels, got 0"),
        (Columns("body", {"label": "label"}), "row 1 has no text"),
    ],
)
def test_what_is_wrong_names_the_column(columns: Columns, message: str) -> None:
    with pytest.raises(InputError, match=message):
        derive(ROWS, columns, taxonomy_id="x", title="X")


def test_a_bad_row_is_named(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("text,label\na,1\nb,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv:3: has 3 cells"):
        read_columns(table)


def test_the_rows_load_with_the_taxonomy(tmp_path: Path) -> None:
    import orjson

    derived = derive(ROWS, Columns("text", {"label": "label"}), taxonomy_id="m", title="M")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in derived.rows))
    texts = load_labelled(path, parse(derived.taxonomy, name="m"))
    assert [text.labels["label"] for text in texts] == ["0", "1"] * 4
