"""Tricks to play on a service: another time of day, a file that is not what it was."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def faketime() -> Path | None:
    """The library that shows a process another time."""
    found = importlib.util.find_spec("libfaketime")
    if found is None or found.origin is None:
        return None
    return next(Path(found.origin).parent.rglob("libfaketime.so*"), None)


@contextmanager
def damaged_copy(bundle: Path, name: str) -> Iterator[Path]:
    """A copy of a bundle with one byte of one file changed."""
    with tempfile.TemporaryDirectory(prefix="suda") as folder:
        copy = Path(folder) / "bundle"
        shutil.copytree(bundle, copy)
        file = copy / name
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        yield copy
