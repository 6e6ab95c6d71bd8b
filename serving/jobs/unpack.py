"""Unpack what came packed, and refuse what would fill the disk or the memory once unpacked."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

from data.errors import FileFormatError, TooLargeError
from serving.jobs.sealed import Sealed

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_PIECE = 1 << 20
# Text packs ten to one; beyond this it is a bomb, or nothing worth deciding.
_RATIO = 200


def unpacked(file: Sealed, suffix: str, limit: int, directory: Path | None) -> Sealed:
    """The file itself, or what was packed into it; `file` is closed where it is another.

    Raises FileFormatError for what is no such file, TooLargeError for more than `limit` bytes.
    """
    head = _head(file)
    if head.startswith(_GZIP):
        inner = _gunzipped(file, limit, directory)
        file.close()
        file, head = inner, _head(inner)
    if not head:
        raise FileFormatError("is empty", field="file")
    if suffix == ".xlsx":
        _check_workbook(file, limit)
    elif head.startswith(_ZIP):
        raise FileFormatError(f"is a ZIP or XLSX file, not {suffix}; give `format`", field="file")
    return file


def _head(file: Sealed) -> bytes:
    file.stream.seek(0)
    return file.stream.read(4)


def _gunzipped(file: Sealed, limit: int, directory: Path | None) -> Sealed:
    file.stream.seek(0)
    target = Sealed(min(limit, max(_PIECE, file.size * _RATIO)), directory)
    try:
        with gzip.GzipFile(fileobj=file.stream) as packed:
            while piece := packed.read(_PIECE):
                target.write(piece)
    except TooLargeError as error:
        target.close()
        raise TooLargeError(
            f"expected at most {limit} bytes, and at most {_RATIO} times as many as packed, once "
            "unpacked",
            field="file",
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        target.close()
        raise FileFormatError("is a damaged gzip file", field="file") from error
    target.complete()
    return target


def _check_workbook(file: Sealed, limit: int) -> None:
    """A part is never unpacked beyond the size declared for it, so the sizes declared will do."""
    try:
        with zipfile.ZipFile(file.stream) as parts:
            size = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise FileFormatError("is not an XLSX workbook", field="file") from error
    if size > limit:
        raise TooLargeError(f"expected at most {limit} bytes once unpacked", field="file")
