"""Files of personal data: for the owner's eyes only, and there once they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def private(path: Path) -> Iterator[BinaryIO]:
    """Opened for writing; at `path` once the block has ended well, else nowhere.

    What must hold before anybody reads it, like its audit record, belongs into the block.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
