from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import FileFormatError, InputError, SudaError, TooLargeError
from serving.jobs.upload import received

TYPE = "multipart/form-data; boundary=xyz"


def part(name: str, content: bytes, more: str = "") -> bytes:
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = b"--xyz--\r\n"
FILE = part("file", b"text\n", '; filename="a.csv"')


def sent(
    body: bytes, pieces: int = 7, content_type: str = TYPE, limit: int = 1 << 20
) -> tuple[bytes, str, bytes]:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), pieces):
            yield body[start : start + pieces]

    file, name, options = asyncio.run(received(stream(), content_type, limit, None))
    with file:
        return file.stream.read(), name, options


def test_a_file_and_its_options() -> None:
    body = part("options", b'{"name": "x"}') + FILE + END
    for pieces in (1, 3, 1000):
        assert sent(body, pieces) == (b"text\n", "a.csv", b'{"name": "x"}')


@settings(max_examples=50)
@given(st.binary(max_size=300).filter(lambda b: b"--xyz" not in b), st.integers(1, 64))
def test_any_bytes_come_through(content: bytes, pieces: int) -> None:
    assert sent(part("file", content) + END, pieces)[0] == content


@pytest.mark.parametrize(
    ("name", "plain"),
    [("../../etc/passwd", "passwd"), ("C:\\\\投诉\\\\a.csv", "a.csv"), ("投诉.csv", "投诉.csv")],
)
def test_a_file_name_names_no_folder(name: str, plain: str) -> None:
    assert sent(part("file", b"x", f'; filename="{name}"') + END)[1] == plain


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (b"", FileFormatError, "ends before"),
        (FILE, FileFormatError, "ends before"),
        (b"nonsense", FileFormatError, "not multipart"),
        (part("options", b"{}") + END, InputError, "file: expected a part"),
        (FILE + FILE + END, InputError, "expected one part 'file'"),
        (part("colour", b"x") + FILE + END, InputError, "expected one part 'file'"),
        (part("options", b"x" * 70_000) + FILE + END, InputError, "at most 65536 bytes"),
        (part("file", b"x" * 5_001) + END, TooLargeError, "at most 5000 bytes"),
        (b"--xyz\r\n" + b"A: b\r\n" * 99 + b"\r\n", FileFormatError, "not multipart"),
        (b"--xyz\r\nA: " + b"b" * 9_999 + b"\r\n\r\n", FileFormatError, "not multipart"),
    ],
)
def test_what_is_no_such_form_is_named(body: bytes, error: type[SudaError], said: str) -> None:
    with pytest.raises(error, match=said):
        sent(body, 1000, limit=5_000)


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"{TYPE}{'x' * 99}"])
def test_a_form_needs_a_boundary(content_type: str) -> None:
    with pytest.raises(FileFormatError, match="boundary"):
        sent(FILE + END, content_type=content_type)
