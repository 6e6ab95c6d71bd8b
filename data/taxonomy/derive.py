"""A taxonomy out of labelled rows: every label column becomes a flat head."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data.errors import InputError
from data.files import BadRow, read_rows
from data.taxonomy.load import parse

# Columns that are never a question: what training reads besides labels.
RESERVED = ("id", "text", "split", "group")
# A head of more labels than this, or seen less often each, is an id or free text.
MOST_LABELS = 200
_FEWEST_EACH = 2
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what: `text`, and `labels` from column to name of its head."""

    text: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Derived:
    """A taxonomy file's bytes, how often each label is there, and the rows as training reads them.

    `ignored` says of each other column why it is no head.
    """

    taxonomy: bytes
    counts: Mapping[str, Mapping[str, int]]
    rows: tuple[dict[str, Any], ...]
    ignored: Mapping[str, str]


def read_columns(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """All rows of a file, and its columns in order.

    Raises FileFormatError where it cannot be read, InputError naming the line of a bad row.
    """
    rows: list[dict[str, Any]] = []
    for row in read_rows(path):
        if isinstance(row, BadRow):
            raise InputError(row.message, field=f"{path}:{row.line}")
        rows.append(row.values)
    return rows, list(dict.fromkeys(name for row in rows for name in row))


def guess(rows: Sequence[Mapping[str, Any]], names: Sequence[str], text: str) -> Columns:
    """`label` where there is such a column, else every column whose values repeat like labels.

    Raises InputError where there is none.
    """
    if "label" in names:
        return Columns(text, {"label": "label"})
    found = {name: name for name in names if why_not(rows, name, text) is None}
    if not found:
        raise InputError(
            f"expected a column with labels, got {', '.join(names)}: name it with --label",
            field="columns",
        )
    return Columns(text, found)


def why_not(rows: Sequence[Mapping[str, Any]], name: str, text: str) -> str | None:
    """Why a column does not look like labels; None where it does."""
    values = Counter(str(row[name]).strip() for row in rows if row.get(name) is not None)
    if name in (*RESERVED, text) or name.startswith("alt_"):
        return "is not a label"
    if not _NAME.fullmatch(name):
        return "cannot name a head: name it with --label COLUMN=name"
    if len(values) < 2:
        return "has fewer than two different values"
    if len(values) > MOST_LABELS or values.total() < _FEWEST_EACH * len(values):
        return f"has {len(values)} different values in {values.total()} rows"
    return None


def derive(
    rows: Sequence[Mapping[str, Any]], columns: Columns, *, taxonomy_id: str, title: str
) -> Derived:
    """Make a taxonomy of rows; labels stand in order of their values.

    Raises InputError naming the row or column that is not as expected.
    """
    counts = {head: _count(rows, name) for name, head in columns.labels.items()}
    for name, head in columns.labels.items():
        _check_head(name, head, counts[head])
    document = {
        "id": taxonomy_id,
        "version": "1",
        "title": title,
        "heads": [
            {
                "name": head,
                "kind": "flat",
                "title": name,
                "labels": [{"code": value, "name": value} for value in values],
            }
            for (name, head), values in zip(columns.labels.items(), counts.values(), strict=True)
        ],
    }
    raw = yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode()
    parse(raw, name=taxonomy_id)
    names = dict.fromkeys(name for row in rows for name in row)
    taken = {columns.text, *columns.labels}
    return Derived(
        taxonomy=raw,
        counts=counts,
        rows=tuple(_row(row, columns, number) for number, row in enumerate(rows, 1)),
        ignored={
            name: why_not(rows, name, columns.text) or "was not asked for"
            for name in names
            if name not in taken and name not in RESERVED
        },
    )


def _count(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    values = Counter(str(row[name]).strip() for row in rows if row.get(name) is not None)
    return dict(sorted(values.items(), key=lambda item: _natural(item[0])))


def _natural(value: str) -> tuple[int, int, str]:
    """Numbers by size, before words."""
    return (0, int(value), "") if value.isascii() and value.isdigit() else (1, 0, value)


def _check_head(name: str, head: str, values: Mapping[str, int]) -> None:
    if not _NAME.fullmatch(head):
        raise InputError(
            f"{head!r} cannot name a head (small Latin letters, digits, _): use {name}=name",
            field=name,
        )
    if head in RESERVED or head.startswith("alt_"):
        raise InputError(f"{head!r} has a meaning of its own: use {name}=name", field=name)
    if not 2 <= len(values) <= MOST_LABELS:
        raise InputError(
            f"expected 2 to {MOST_LABELS} different labels, got {len(values)}", field=name
        )


def _row(row: Mapping[str, Any], columns: Columns, number: int) -> dict[str, Any]:
    text = row.get(columns.text)
    if text is None:
        raise InputError(f"row {number} has no text", field=columns.text)
    labels = {
        head: str(row[name]).strip()
        for name, head in columns.labels.items()
        if row.get(name) is not None
    }
    kept = {name: row[name] for name in ("id", "split", "group") if row.get(name) is not None}
    return {**kept, "text": str(text), **labels}
