from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from data.errors import FileFormatError, TooLargeError
from data.files import write_rows
from serving.jobs.unpack import unpacked
from tests.jobs.kit import sealed

LIMIT = 1 << 22


def test_packed_and_plain_files_come_out_plain() -> None:
    content = "text\n没人理我\n".encode()
    for raw in (content, gzip.compress(content), gzip.compress(content) + gzip.compress(b"x\n")):
        file = unpacked(sealed(raw), ".csv", LIMIT, None)
        file.stream.seek(0)
        assert file.stream.read().startswith(content)


def test_a_bomb_is_refused_before_it_bursts() -> None:
    bomb = gzip.compress(b"\0" * (40 << 20))
    file = sealed(bomb)
    with pytest.raises(TooLargeError, match="once unpacked"):
        unpacked(file, ".csv", 1 << 30, None)
    with pytest.raises(TooLargeError, match="at most 1000 bytes"):
        unpacked(sealed(gzip.compress(b"ab" * 1000)), ".csv", 1000, None)


def workbook(tmp_path: Path) -> bytes:
    path = tmp_path / "in.xlsx"
    write_rows(path, [{"text": "没人理我"}], ["text"])
    return path.read_bytes()


def test_a_workbook_that_unpacks_too_far_is_refused(tmp_path: Path) -> None:
    raw = workbook(tmp_path)
    assert unpacked(sealed(raw), ".xlsx", LIMIT, None).size == len(raw)
    bomb = io.BytesIO(raw)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/media/x", b"\0" * LIMIT)
    with pytest.raises(TooLargeError, match="once unpacked"):
        unpacked(sealed(bomb.getvalue()), ".xlsx", LIMIT, None)


@pytest.mark.parametrize(
    ("raw", "suffix", "said"),
    [
        (b"", ".csv", "is empty"),
        (gzip.compress(b"", mtime=0), ".jsonl", "is empty"),
        (gzip.compress(b"text\n" * 99, mtime=0)[:-9], ".csv", "damaged gzip"),
        (b"\x1f\x8bnonsense", ".csv", "damaged gzip"),
        (b"text\nx\n", ".xlsx", "not an XLSX"),
        (b"PK\x03\x04xx", ".csv", "ZIP or XLSX file, not .csv"),
        (b"PK\x03\x04xx", ".xlsx", "not an XLSX"),
    ],
)
def test_what_is_no_such_file_is_named(raw: bytes, suffix: str, said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        unpacked(sealed(raw), suffix, LIMIT, None)
