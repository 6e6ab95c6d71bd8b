"""Rows of labelled files, the bad ones too: nothing stops at the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from data.checks.check import Row
from data.errors import FileFormatError, InputError
from data.files import BadRow, read_rows
from data.labelled import parse
from data.taxonomy.schema import Taxonomy


def read(paths: Sequence[Path], taxonomy: Taxonomy) -> list[Row]:
    """Every row of the files, and of every JSONL file in the directories.

    Raises FileFormatError where a file as a whole cannot be read.
    """
    return [row for path in paths for file in _files(path) for row in _rows(file, taxonomy)]


def _files(path: Path) -> list[Path]:
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise FileFormatError("holds no .jsonl file", field=str(path))
    return files


def _rows(path: Path, taxonomy: Taxonomy) -> Iterator[Row]:
    for row in read_rows(path):
        name = f"{path.stem}-{row.line}"
        if isinstance(row, BadRow):
            yield Row(str(path), row.line, name, None, row.message)
            continue
        try:
            item = parse(row.values, taxonomy, default_id=name)
            yield Row(str(path), row.line, item.id, item)
        except InputError as error:
            id_ = str(row.values.get("id") or name)
            yield Row(str(path), row.line, id_, None, str(error))
