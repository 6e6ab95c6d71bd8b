from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from data.errors import FileFormatError
from data.files import BadRow, Row, defuse, read_rows, write_rows

ROWS = [
    {"id": "1", "text": "转账一直没到账，客服让等"},
    {"id": "2", "text": "第一行\n第二行，“引号”"},
]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".xlsx"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    write_rows(path, ROWS, ["id", "text"])
    rows = list(read_rows(path))
    assert [row.values for row in rows if isinstance(row, Row)] == ROWS
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_chinese_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(
        "id,text\n1,手机银行转账五万八一直显示处理中，两天了对方没收到\n".encode(encoding)
    )
    (row,) = read_rows(path)
    assert isinstance(row, Row)
    assert row.values["text"].startswith("手机银行转账五万八")


def test_gbk_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"text": "信用卡莫名其妙被扣年费，要求退还"}\n'.encode("gbk"))
    (row,) = read_rows(path)
    assert isinstance(row, Row)
    assert row.values["text"] == "信用卡莫名其妙被扣年费，要求退还"


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"text\n" + bytes(range(128, 256)) * 3 + b"\xff\xfe\xff")
    with pytest.raises(FileFormatError, match=r"rows\.csv.*GBK"):
        list(read_rows(path))


def test_a_bad_line_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": \n\n[1]\n{"text": "b\u2028c"}\n', encoding="utf-8")
    rows = list(read_rows(path))
    assert [type(row) for row in rows] == [Row, BadRow, BadRow, Row]
    assert [row.line for row in rows] == [1, 2, 4, 5]


def test_csv_rows_that_do_not_fit_the_header(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('id,text\n1,"多\n行"\n2,b,c\n3\n', encoding="utf-8")
    rows = list(read_rows(path))
    assert [row.line for row in rows] == [2, 4, 5]
    assert isinstance(rows[1], BadRow)
    assert isinstance(rows[2], Row)
    assert rows[2].values == {"id": "3"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"x", "suffix"),
        ("a.csv", b"", "name the columns"),
        ("a.xlsx", b"not a zip", "not an XLSX"),
    ],
)
def test_files_that_are_not_what_their_name_says(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=said):
        list(read_rows(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        list(read_rows(tmp_path / "none.csv"))


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.xlsx"
    openpyxl.Workbook().save(path)
    with pytest.raises(FileFormatError, match="name the columns"):
        list(read_rows(path))


@pytest.mark.parametrize("value", ["=1+1", "+86", "-1", "@x"])
def test_customer_text_is_never_a_formula(value: str) -> None:
    assert defuse(value) == "'" + value


def test_spreadsheets_drop_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    write_rows(path, [{"text": "a\x00b"}], ["text"])
    (row,) = read_rows(path)
    assert isinstance(row, Row)
    assert row.values["text"] == "ab"
