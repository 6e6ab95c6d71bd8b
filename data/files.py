"""Rows from and to the files people have: JSONL, CSV and XLSX, in UTF-8 or GBK."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import charset_normalizer
import openpyxl
import orjson

from data.errors import FileFormatError

SUFFIXES = (".jsonl", ".csv", ".xlsx")
# GB18030 is a superset of GBK and GB2312 and decodes them all.
_CHINESE = ("gb18030", "gbk", "gb2312", "hz", "big5", "big5hkscs")
_csv_limit = csv.field_size_limit(10_000_000)


@dataclass(frozen=True, slots=True)
class Row:
    """One row with the line it stands on (1 = first line of the file)."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read; the rest of the file can."""

    line: int
    message: str


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """Yield the rows of a file by its suffix.

    Raises FileFormatError where the file as a whole cannot be read; a single bad row is yielded
    as BadRow.
    """
    suffix = check_suffix(path)
    if not path.is_file():
        raise FileFormatError("no such file", field=str(path))
    if suffix == ".xlsx":
        yield from _read_xlsx(path)
    elif suffix == ".csv":
        yield from _read_csv(read_text(path), path)
    else:
        yield from _read_jsonl(read_text(path))


def check_suffix(path: Path) -> str:
    """The file's suffix in lower case. Raises FileFormatError for one we do not handle."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FileFormatError(
            f"suffix {suffix or '(none)'} is not one of {', '.join(SUFFIXES)}", field=str(path)
        )
    return suffix


def read_text(path: Path) -> str:
    """Decode a text file: UTF-8 (with or without mark), else GB18030, UTF-16 or Big5.

    Raises FileFormatError where no encoding fits.
    """
    raw = path.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode(raw, "utf-16", path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    best = charset_normalizer.from_bytes(raw[:200_000], cp_isolation=list(_CHINESE)).best()
    encoding = best.encoding if best else "gb18030"
    return _decode(raw, "gb18030" if encoding in ("gbk", "gb2312") else encoding, path)


def _decode(raw: bytes, encoding: str, path: Path) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileFormatError(
            "is neither UTF-8 nor GBK (GB18030); save it in one of them", field=str(path)
        ) from error


def _read_jsonl(text: str) -> Iterator[Row | BadRow]:
    # Not splitlines(): U+2028 and its kin are legal inside JSON strings.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield BadRow(number, f"is not JSON: {error.msg}")
            continue
        if isinstance(value, dict):
            yield Row(number, value)
        else:
            yield BadRow(number, "expected a JSON object, one a line")


def _read_csv(text: str, path: Path) -> Iterator[Row | BadRow]:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, None)
    if not header or not any(name.strip() for name in header):
        raise FileFormatError("the first line must name the columns", field=str(path))
    names = [name.strip() for name in header]
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            if len(cells) > len(names):
                yield BadRow(line, f"has {len(cells)} cells, the header names {len(names)}")
            else:
                yield Row(line, {n: c for n, c in zip(names, cells, strict=False) if n and c != ""})
        line = reader.line_num + 1


def _read_xlsx(path: Path) -> Iterator[Row | BadRow]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl lets zip, XML and key errors through
        raise FileFormatError(f"is not an XLSX workbook: {error}", field=str(path)) from error
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = next(rows, None)
        if not header or not any(header):
            raise FileFormatError("the first row must name the columns", field=str(path))
        names = [str(name).strip() if name is not None else "" for name in header]
        for number, cells in enumerate(rows, 2):
            values = {
                n: c for n, c in zip(names, cells, strict=False) if n and c is not None and c != ""
            }
            if values:
                yield Row(number, values)
    finally:
        book.close()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], columns: list[str]) -> None:
    """Write rows by the path's suffix, to a temporary name that is renamed when complete."""
    suffix = check_suffix(path)
    temporary = path.with_name(f".{path.name}.tmp")
    if suffix == ".xlsx":
        _write_xlsx(temporary, rows, columns)
    elif suffix == ".csv":
        _write_csv(temporary, rows, columns)
    else:
        with temporary.open("wb") as out:
            out.writelines(orjson.dumps(dict(row)) + b"\n" for row in rows)
    temporary.replace(path)


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: list[str]) -> None:
    # The byte order mark makes Excel open Chinese CSV files correctly.
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({k: defuse(v) for k, v in row.items()} for row in rows)


def _write_xlsx(path: Path, rows: Iterable[Mapping[str, Any]], columns: list[str]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("decisions")
    sheet.append(columns)
    for row in rows:
        sheet.append([_xlsx_cell(row.get(column)) for column in columns])
    book.save(path)


def _xlsx_cell(value: Any) -> Any:
    value = defuse(value)
    if isinstance(value, str):
        return openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", value)
    return value


def defuse(value: Any) -> Any:
    """Keep a spreadsheet from running a customer's text as a formula (CSV injection)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
