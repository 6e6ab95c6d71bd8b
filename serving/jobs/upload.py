"""A file that comes as multipart/form-data, piece by piece, never whole in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from email.message import Message
from pathlib import Path, PurePosixPath

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from data.errors import FileFormatError, InputError
from serving.jobs.sealed import Sealed

# Bytes gathered before they are parsed, on a thread of their own.
_GATHERED = 1 << 20
_MAX_OPTIONS = 64 * 1024
_FILE, _OPTIONS = "file", "options"


class Form:
    """The parts `file` and `options` of a form, as they come in."""

    def __init__(self, content_type: str, limit: int, spool: Path | None) -> None:
        self.file = Sealed(limit, spool)
        self.file_name = ""
        self._options = bytearray()
        self._header: dict[str, bytearray] = {}
        self._name, self._value = bytearray(), bytearray()
        self._part = ""
        self._seen: set[str] = set()
        self._ended = False
        self._parser = MultipartParser(
            _boundary(content_type),
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises FileFormatError, InputError or TooLargeError."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise FileFormatError("is not multipart/form-data", field="body") from error

    def finish(self) -> tuple[Sealed, str, bytes]:
        """The complete file, its name, and the options as sent. Raises InputError."""
        if not self._ended:
            raise FileFormatError("ends before its last part does", field="body")
        if _FILE not in self._seen:
            raise InputError("expected a part with this name", field=_FILE)
        self.file.complete()
        return self.file, self.file_name, bytes(self._options)

    def _begin(self) -> None:
        self._header.clear()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._header[bytes(self._name).decode("latin-1").lower()] = bytearray(self._value)
        self._name.clear()
        self._value.clear()

    def _on_headers(self) -> None:
        disposition = Message()
        raw = bytes(self._header.get("content-disposition", b""))
        disposition["content-disposition"] = raw.decode("utf-8", "replace")
        self._part = str(disposition.get_param("name", "", "content-disposition"))
        if self._part not in (_FILE, _OPTIONS) or self._part in self._seen:
            raise InputError(
                f"expected one part {_FILE!r} and at most one {_OPTIONS!r}", field="body"
            )
        self._seen.add(self._part)
        if self._part == _FILE:
            self.file_name = _plain_name(disposition.get_filename() or "")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == _FILE:
            self.file.write(data[start:end])
            return
        self._options += data[start:end]
        if len(self._options) > _MAX_OPTIONS:
            raise InputError(f"expected at most {_MAX_OPTIONS} bytes", field=_OPTIONS)

    def _on_end(self) -> None:
        self._ended = True


async def received(
    body: AsyncIterator[bytes], content_type: str, limit: int, spool: Path | None
) -> tuple[Sealed, str, bytes]:
    """The file of a form, its name, and the options as sent."""
    form = Form(content_type, limit, spool)
    gathered = bytearray()
    try:
        async for piece in body:
            gathered += piece
            if len(gathered) >= _GATHERED:
                await _in_thread(form.feed, bytes(gathered))
                gathered.clear()
        await _in_thread(form.feed, bytes(gathered))
        return form.finish()
    except BaseException:
        form.file.close()
        raise


async def _in_thread(work: Callable[[bytes], None], data: bytes) -> None:
    await anyio.to_thread.run_sync(work, data)


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 1 <= len(boundary) <= 70:
        raise FileFormatError("expected multipart/form-data with a boundary", field="Content-Type")
    return boundary.encode("latin-1", "replace")


def _plain_name(name: str) -> str:
    """Without a folder, whichever way its system writes them."""
    return PurePosixPath(name.replace("\\", "/")).name[:200]
