"""Read and write judgements in any of the formats, told apart by what a file holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from data.errors import FileFormatError, InputError
from data.exchange import doccano, hub, label_studio
from data.exchange.judgement import Judgement, Refused
from data.exchange.row import Defaults, columns, judgement_of, row_of
from data.files import BadRow, Row, read_rows, read_text, write_rows
from data.taxonomy.schema import Taxonomy


class Format(StrEnum):
    """What judgements can be read from and written to."""

    jsonl = "jsonl"
    csv = "csv"
    xlsx = "xlsx"
    datasets = "datasets"
    label_studio = "label-studio"
    doccano = "doccano"


_BY_SUFFIX = {".csv": Format.csv, ".xlsx": Format.xlsx, ".json": Format.label_studio}
_SUFFIX = {Format.label_studio: ".json", Format.doccano: ".jsonl", Format.datasets: ""}
# What a spreadsheet would run as a formula, and the mark that keeps it from doing so. A carriage
# return becomes a line feed in XLSX.
_ACTIVE, _MARK = ("=", "+", "-", "@", "\t", "\r", "\n"), "'"


def detect(path: Path) -> Format:
    """The format of a file or directory by its content. Raises FileFormatError."""
    if hub.is_dataset(path):
        return Format.datasets
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if suffix != ".jsonl":
        expected = ", ".join([*_BY_SUFFIX, ".jsonl"])
        raise FileFormatError(
            f"is neither a saved dataset nor one of {expected}; or name its --format",
            field=str(path),
        )
    first = next((row for row in read_rows(path) if isinstance(row, Row)), None)
    listed = first is not None and isinstance(
        first.values.get("label", first.values.get("labels")), list
    )
    return Format.doccano if listed else Format.jsonl


def read(
    path: Path,
    taxonomy: Taxonomy,
    defaults: Defaults,
    kind: Format | None = None,
) -> Iterator[Judgement | Refused]:
    """Judgements in the order of the file; a row that holds none says why and stops nothing.

    Raises FileFormatError where the file as a whole cannot be read.
    """
    for line, row in _rows(path, taxonomy, kind or detect(path)):
        if isinstance(row, str):
            yield Refused(line, row)
            continue
        try:
            yield judgement_of(row, taxonomy, defaults)
        except InputError as error:
            yield Refused(line, str(error))


def _rows(
    path: Path, taxonomy: Taxonomy, kind: Format
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    if kind is Format.datasets:
        yield from enumerate(hub.load(path), 1)
    elif kind is Format.label_studio:
        found = label_studio.rows(_json(path), taxonomy)
        for number, item in enumerate(found, 1):
            yield number, str(item) if isinstance(item, InputError) else item
    else:
        for row in read_rows(path):
            yield row.line, _table_row(row, taxonomy, kind)


def _table_row(row: Row | BadRow, taxonomy: Taxonomy, kind: Format) -> dict[str, Any] | str:
    if isinstance(row, BadRow):
        return row.message
    if kind is Format.doccano:
        try:
            return doccano.row_of(row.values, taxonomy)
        except InputError as error:
            return str(error)
    if kind is Format.jsonl:
        return row.values
    return {key: _armed(value) for key, value in row.values.items()}


def _json(path: Path) -> Any:
    try:
        return orjson.loads(read_text(path))
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror}", field=str(path)) from error
    except orjson.JSONDecodeError as error:
        raise FileFormatError(f"is not JSON: {error.msg}", field=str(path)) from error


def write(path: Path, items: Iterable[Judgement], taxonomy: Taxonomy, kind: Format) -> int:
    """Write judgements and return how many; a file is replaced once the new one is whole.

    Raises FileFormatError where the path's suffix is not the format's, or a dataset directory
    exists already.
    """
    rows = [_clean(row_of(item, taxonomy)) for item in items]
    order = columns(taxonomy)
    expected = _SUFFIX.get(kind, f".{kind}")
    if path.suffix.lower() != expected:
        raise FileFormatError(
            f"expected the suffix {expected or '(none: a directory)'} for {kind}", field=str(path)
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind is Format.datasets:
        if path.exists():
            raise FileFormatError("exists already", field=str(path))
        hub.save(path, rows, order, taxonomy)
    elif kind is Format.label_studio:
        _write_json(path, label_studio.tasks(rows, taxonomy))
    elif kind is Format.doccano:
        write_rows(path, [doccano.line_of(row, taxonomy) for row in rows], [])
    else:
        armed = rows if kind is Format.jsonl else [_defused(row) for row in rows]
        write_rows(path, armed, order)
    return len(rows)


def _write_json(path: Path, content: Sequence[Mapping[str, Any]]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    temporary.replace(path)


def _clean(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without lone surrogates, which no encoding writes."""
    return {
        key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for key, value in row.items()
    }


def _defused(row: Mapping[str, Any]) -> dict[str, Any]:
    """Marked so that no spreadsheet runs a cell, in a way that `_armed` can undo."""
    return {
        key: _MARK + value
        if isinstance(value, str) and value.startswith((*_ACTIVE, _MARK))
        else value
        for key, value in row.items()
    }


def _armed(value: Any) -> Any:
    if (
        isinstance(value, str)
        and value.startswith(_MARK)
        and value[1:].startswith((*_ACTIVE, _MARK))
    ):
        return value[1:]
    return value
