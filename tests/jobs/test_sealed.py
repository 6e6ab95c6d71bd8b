from __future__ import annotations

import hashlib
import io
import random
import secrets
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from data.errors import TooLargeError
from serving.jobs.sealed import Sealed
from tests.jobs.kit import sealed

SIZES = (0, 1, 65_535, 65_536, 65_537, 200_000)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read_from_anywhere(size: int) -> None:
    content = secrets.token_bytes(size)
    file = Sealed(1 << 20)
    for start in range(0, size, 7_001):
        file.write(content[start : start + 7_001])
    stream = file.complete()
    assert stream.read() == content
    assert (file.size, file.digest) == (size, hashlib.sha256(content).hexdigest())
    chance = random.Random(size)  # noqa: S311 - places to look at
    for _ in range(50):
        at, count = chance.randint(0, size + 10), chance.randint(0, 70_000)
        stream.seek(at)
        assert stream.read(count) == content[at : at + count]
    assert stream.seek(-min(5, size), io.SEEK_END) == max(0, size - 5)


def test_nothing_readable_lies_on_the_disk_and_nothing_has_a_name(tmp_path: Path) -> None:
    words = "冯玉兰老太太在西岭路网点买的理财亏光了".encode()
    with Sealed(1 << 20, tmp_path) as file:
        file.write(words * 5_000)
        file.complete()
        assert list(tmp_path.iterdir()) == []
        file._file.seek(0)
        assert words not in file._file.read()


def test_altered_bytes_are_not_read() -> None:
    file = sealed(b"x" * 100)
    file._file.seek(3)
    file._file.write(b"\0")
    with pytest.raises(InvalidTag):
        file.stream.read()


def test_too_much_is_refused_as_it_comes() -> None:
    file = Sealed(10)
    file.write(b"0123456789")
    with pytest.raises(TooLargeError, match="file: expected at most 10 bytes"):
        file.write(b"x")


def test_it_is_written_once() -> None:
    with pytest.raises(io.UnsupportedOperation):
        sealed(b"x").write(b"y")
