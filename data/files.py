"""Rows from and to the files people have: JSONL, CSV and XLSX, in UTF-8 or GBK."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import charset_normalizer
import openpyxl
import orjson

from data.errors import FileFormatError

SUFFIXES = (".jsonl", ".csv", ".xlsx")
# GB18030 is a superset of GBK and GB2312 and decodes them all.
_CHINESE = ("gb18030", "gbk", "gb2312", "hz", "big5", "big5hkscs")
# Longest line of JSON and longest cell of CSV, in characters.
_LONGEST = 10_000_000
_csv_limit = csv.field_size_limit(_LONGEST)
# Bytes an encoding is guessed from, and bytes read at a time to check it.
_SAMPLE, _BLOCK = 200_000, 1 << 20


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
    with path.open("rb") as stream:
        yield from read_stream(stream, suffix, str(path))


def read_stream(
    stream: BinaryIO,
    suffix: str,
    name: str,
    on_header: Callable[[list[str]], None] = lambda _: None,
) -> Generator[Row | BadRow, None, None]:
    """Yield the rows of an open, seekable file, little of it in memory at a time.

    `on_header` is told the columns of a CSV or XLSX file before its rows come. Whoever does not
    read to the end closes the generator before the file. Raises as `read_rows`, naming the file
    `name`.
    """
    if suffix == ".xlsx":
        yield from _read_xlsx(stream, name, on_header)
        return
    # Not universal newlines: U+2028 and its kin are legal inside JSON strings.
    newline = "" if suffix == ".csv" else "\n"
    text = io.TextIOWrapper(stream, encoding_of(stream, name), newline=newline)
    try:
        if suffix == ".csv":
            yield from _read_csv(text, name, on_header)
        else:
            yield from _read_jsonl(text)
    finally:
        text.detach()


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
    with path.open("rb") as stream:
        encoding = encoding_of(stream, str(path))
    return path.read_bytes().decode(encoding)


def encoding_of(stream: BinaryIO, name: str) -> str:
    """The encoding that the whole of an open, seekable text file is in; leaves it at its start.

    Raises FileFormatError where none fits.
    """
    stream.seek(0)
    sample = stream.read(_SAMPLE)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", _guess(sample)]
    for encoding in candidates:
        if _decodes(stream, encoding):
            stream.seek(0)
            return encoding
    raise FileFormatError("is neither UTF-8 nor GBK (GB18030); save it in one of them", field=name)


def _guess(sample: bytes) -> str:
    try:
        # A character cut in two at the end is no sign of another encoding.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(sample, cp_isolation=list(_CHINESE)).best()
        encoding = best.encoding if best else "gb18030"
        return "gb18030" if encoding in ("gbk", "gb2312") else encoding
    return "gb18030"


def _decodes(stream: BinaryIO, encoding: str) -> bool:
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := stream.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _read_jsonl(text: TextIO) -> Iterator[Row | BadRow]:
    for number, line in enumerate(_lines(text), 1):
        if line is None:
            yield BadRow(number, f"is longer than {_LONGEST} characters")
            continue
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


def _lines(text: TextIO) -> Iterator[str | None]:
    """Line by line; None for one that is too long to be held."""
    while line := text.readline(_LONGEST):
        if len(line) < _LONGEST or line.endswith("\n"):
            yield line
            continue
        while (rest := text.readline(_LONGEST)) and not rest.endswith("\n"):
            pass
        yield None


def _read_csv(
    text: TextIO, name: str, on_header: Callable[[list[str]], None]
) -> Iterator[Row | BadRow]:
    reader = csv.reader(text)
    try:
        yield from _csv_rows(reader, name, on_header)
    except csv.Error as error:
        raise FileFormatError(f"line {reader.line_num}: {error}", field=name) from error


def _csv_rows(
    reader: Any, name: str, on_header: Callable[[list[str]], None]
) -> Iterator[Row | BadRow]:
    header = next(reader, None)
    if not header or not any(column.strip() for column in header):
        raise FileFormatError("the first line must name the columns", field=name)
    names = [column.strip() for column in header]
    on_header(names)
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            if len(cells) > len(names):
                yield BadRow(line, f"has {len(cells)} cells, the header names {len(names)}")
            else:
                yield Row(line, {n: c for n, c in zip(names, cells, strict=False) if n and c != ""})
        line = reader.line_num + 1


def _read_xlsx(
    stream: BinaryIO, name: str, on_header: Callable[[list[str]], None]
) -> Iterator[Row | BadRow]:
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        yield from _xlsx_rows(book, name, on_header)
    except FileFormatError:
        raise
    except Exception as error:  # openpyxl lets zip, XML and key errors through
        raise FileFormatError(f"is not an XLSX workbook: {error}", field=name) from error


def _xlsx_rows(
    book: openpyxl.Workbook, name: str, on_header: Callable[[list[str]], None]
) -> Iterator[Row | BadRow]:
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = next(rows, None)
        if not header or not any(header):
            raise FileFormatError("the first row must name the columns", field=name)
        names = [str(column).strip() if column is not None else "" for column in header]
        on_header(names)
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
