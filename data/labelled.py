"""Labelled texts: one row a text, one column a head, the same for corpus, feedback and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import FileFormatError, InputError, kind_of
from data.files import BadRow, read_rows
from data.taxonomy.schema import Head, Taxonomy


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its labels.

    `labels` has a leaf (or, in a tree, an inner node) per head that was labelled; `alternatives`
    the second readings (`alt_<head>` columns); `meta` every other column.
    """

    id: str
    text: str
    labels: Mapping[str, str]
    alternatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def readings(self, head: str) -> tuple[str, ...]:
        """The label, then the listed second readings."""
        return (self.labels[head], *self.alternatives.get(head, ()))

    def accepts(self, head: str, code: str) -> bool:
        """Whether `code` is the label or a listed second reading."""
        return code in self.readings(head)


def load_labelled(path: Path, taxonomy: Taxonomy) -> list[LabelledText]:
    """Read a JSONL, CSV or XLSX file, or every JSONL file of a directory in name order.

    Raises FileFormatError naming file and line for the first row that is not as expected: a
    training or evaluation set is whole or it is not used.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise FileFormatError("holds no .jsonl file", field=str(path))
    texts = [text for file in files for text in _load_file(file, taxonomy)]
    seen: set[str] = set()
    for text in texts:
        if text.id in seen:
            raise FileFormatError(f"id {text.id} is there twice", field=str(path))
        seen.add(text.id)
    return texts


def _load_file(path: Path, taxonomy: Taxonomy) -> Iterable[LabelledText]:
    for row in read_rows(path):
        where = f"{path}:{row.line}"
        if isinstance(row, BadRow):
            raise FileFormatError(row.message, field=where)
        try:
            yield parse(row.values, taxonomy, default_id=f"{path.stem}-{row.line}")
        except InputError as error:
            raise FileFormatError(str(error), field=where) from error


def parse(values: Mapping[str, Any], taxonomy: Taxonomy, *, default_id: str) -> LabelledText:
    """Make a labelled text of one row. Raises InputError naming the column."""
    text = values.get("text")
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"expected a text, got {kind_of(text)}", field="text")
    labels: dict[str, str] = {}
    alternatives: dict[str, tuple[str, ...]] = {}
    for head in taxonomy.heads:
        if (code := values.get(head.name)) is not None:
            labels[head.name] = _code(head, code, head.name)
        column = f"alt_{head.name}"
        if codes := _codes(head, values.get(column), column):
            alternatives[head.name] = codes
    if not labels:
        names = ", ".join(head.name for head in taxonomy.heads)
        raise InputError(f"expected a label in at least one of the columns {names}", field="labels")
    known = {"id", "text", *labels, *(f"alt_{head.name}" for head in taxonomy.heads)}
    return LabelledText(
        id=str(values.get("id") or default_id),
        text=text,
        labels=labels,
        alternatives=alternatives,
        meta={key: value for key, value in values.items() if key not in known},
    )


def _codes(head: Head, value: Any, column: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [part for part in value.replace(";", ",").split(",") if part.strip()]
    if not isinstance(value, list):
        raise InputError(f"expected a list of codes, got {kind_of(value)}", field=column)
    return tuple(_code(head, code, column) for code in value)


def _code(head: Head, value: Any, column: str) -> str:
    code = str(value).strip()
    if code not in head.by_code:
        raise InputError(f"{code!r} is not a code of head {head.name}", field=column)
    return code
