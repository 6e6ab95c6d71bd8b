"""A temporary file that nobody else can read: nameless, and encrypted with a key in memory only."""

from __future__ import annotations

import hashlib
import io
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from data.errors import TooLargeError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BLOCK = 64 * 1024
_TAG = 16
_NONCE = 12


class Sealed(io.RawIOBase):
    """Written once from start to end, then read and sought like any file.

    A customer's file lies here between its upload and its rows in the store. The key dies with the
    process and the name is never in a directory, so a crash leaves nothing behind. Raises
    TooLargeError beyond `limit` bytes.
    """

    def __init__(self, limit: int, directory: Path | None = None) -> None:
        super().__init__()
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed by close()
        self._cipher = AESGCM(secrets.token_bytes(32))
        self._limit = limit
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._size = 0
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        self._written = False
        self.stream: io.BufferedReader

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._size

    @property
    def digest(self) -> str:
        """SHA-256 of what was written."""
        return self._digest.hexdigest()

    def write(self, data: ReadableBuffer) -> int:
        """Add bytes at the end."""
        if self._written:
            raise io.UnsupportedOperation("it is complete")
        view = memoryview(data).cast("B")
        self._size += len(view)
        if self._size > self._limit:
            raise TooLargeError(f"expected at most {self._limit} bytes", field="file")
        self._digest.update(view)
        self._pending += view
        while len(self._pending) >= _BLOCK:
            self._store(bytes(self._pending[:_BLOCK]))
            del self._pending[:_BLOCK]
        return len(view)

    def complete(self) -> io.BufferedReader:
        """Nothing more is written; from now on it is read, through what this returns."""
        if self._pending:
            self._store(bytes(self._pending))
            self._pending.clear()
        self._file.flush()
        self._written = True
        self.stream = io.BufferedReader(self, _BLOCK)
        return self.stream

    def readable(self) -> bool:
        """Once complete."""
        return self._written

    def writable(self) -> bool:
        """Until complete."""
        return not self._written

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is left of the block at this place, as far as it fits."""
        view = memoryview(buffer).cast("B")
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, _BLOCK)
        piece = self._block(number)[start : start + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Gone for good."""
        self._file.close()
        self._held = (-1, b"")
        super().close()

    def _store(self, block: bytes) -> None:
        number = self._file.tell() // (_BLOCK + _TAG)
        self._file.write(self._cipher.encrypt(_nonce(number), block, None))

    def _block(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(number * (_BLOCK + _TAG))
            sealed = self._file.read(_BLOCK + _TAG)
            self._held = (number, self._cipher.decrypt(_nonce(number), sealed, None))
        return self._held[1]


def _nonce(number: int) -> bytes:
    """Each block is written once under a key of its own file, so its number will do."""
    return number.to_bytes(_NONCE, "big")
