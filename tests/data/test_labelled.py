from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import FileFormatError
from data.labelled import LabelledText, load_labelled
from data.splits import assign, partition
from data.taxonomy.schema import Taxonomy


def test_all_columns_are_understood(tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": "x", "text": "年费", "product": "B03022", "reason": "C07", "urgency": "III",'
        ' "alt_product": ["B03024"], "style": "form"}\n',
        encoding="utf-8",
    )
    (item,) = load_labelled(path, taxonomy)
    assert item.labels == {"product": "B03022", "reason": "C07", "urgency": "III"}
    assert item.accepts("product", "B03024")
    assert not item.accepts("product", "B01")
    assert item.meta == {"style": "form"}


def test_csv_alternatives_are_a_list_in_a_cell(tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,reason,alt_reason\n年费,C07,"C05;C06"\n', encoding="utf-8")
    (item,) = load_labelled(path, taxonomy)
    assert item.alternatives == {"reason": ("C05", "C06")}
    assert item.id == "a-2"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "", "reason": "C07"}', r"a\.jsonl:1: text"),
        ('{"text": "x", "reason": "C77"}', "reason.*C77"),
        ('{"text": "x"}', "at least one"),
        ('{"text": "x", "reason": "C07", "alt_reason": 3}', "alt_reason.*list"),
        ('{"text": 3, "reason": "C07"}', "text.*int"),
        ("[]", "object"),
    ],
)
def test_the_first_wrong_row_is_named(
    tmp_path: Path, taxonomy: Taxonomy, line: str, said: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match=said):
        load_labelled(path, taxonomy)


def test_a_directory_is_read_whole_and_ids_are_unique(tmp_path: Path, taxonomy: Taxonomy) -> None:
    with pytest.raises(FileFormatError, match=r"no \.jsonl"):
        load_labelled(tmp_path, taxonomy)
    row = '{"id": "x", "text": "年费", "reason": "C07"}\n'
    (tmp_path / "a.jsonl").write_text(row, encoding="utf-8")
    assert len(load_labelled(tmp_path, taxonomy)) == 1
    (tmp_path / "b.jsonl").write_text(row, encoding="utf-8")
    with pytest.raises(FileFormatError, match="x is there twice"):
        load_labelled(tmp_path, taxonomy)


def _text(number: int, **meta: str) -> LabelledText:
    return LabelledText(str(number), "x", {"reason": "C01"}, meta=meta)


def test_groups_fall_together_and_shares_hold() -> None:
    parts = partition([_text(i) for i in range(4000)])
    assert 0.12 < len(parts["test"]) / 4000 < 0.18
    assert 0.12 < len(parts["dev"]) / 4000 < 0.18
    for group in range(50):
        assert len({assign(_text(i, group=f"g{group}")) for i in range(5)}) == 1


def test_a_split_in_the_file_holds() -> None:
    parts = partition([_text(i, split="dev") for i in range(10)])
    assert len(parts["dev"]) == 10
