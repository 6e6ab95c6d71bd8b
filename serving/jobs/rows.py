"""From the rows of a file to what POST /v1/classify would have been sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from data.errors import InputError
from data.files import BadRow, Row
from serving.api.problems import of_error, of_item
from serving.api.schemas import ClassifyRequest
from serving.bulk import FIELDS
from serving.jobs.options import JobOptions
from serving.store.job_items import Item

T = TypeVar("T")
_METADATA = "metadata."
_LONGEST_ID = 128


class Reader:
    """Turns rows into items, and sees to it that the columns named are there.

    `header` are the columns of the file where it has a line of them.
    """

    def __init__(self, options: JobOptions) -> None:
        self._options = options
        self._fields = {name: options.columns.get(name, name) for name in FIELDS}
        self._id = options.columns.get("id", "id")
        self._metadata = {
            name.removeprefix(_METADATA): column
            for name, column in options.columns.items()
            if name.startswith(_METADATA)
        }
        self._seen: set[str] | None = set()

    def header(self, names: list[str]) -> None:
        """Check the columns before any row. Raises InputError."""
        self._check(names, "the first line has")
        self._seen = None

    def items(self, rows: Iterable[Row | BadRow]) -> Iterator[Item]:
        """Each row as an item, numbered from 1."""
        for number, row in enumerate(rows, 1):
            yield self._item(number, row)

    def check_seen(self) -> None:
        """Check the columns after all rows, where none were named before. Raises InputError."""
        if self._seen is not None:
            self._check(self._seen, "all rows together have")

    def _check(self, names: Iterable[str], where: str) -> None:
        known = set(names)
        wanted = {**self._options.columns, "text": self._fields["text"]}
        for name, column in wanted.items():
            if column not in known:
                # The columns that are there are not named: without a header they are a complaint.
                raise InputError(
                    f"{where} {len(known)} columns and none is {column!r}; say in `columns` which "
                    f"one is the {name}",
                    field=f"columns.{name}",
                )

    def _item(self, number: int, row: Row | BadRow) -> Item:
        if isinstance(row, BadRow):
            return Item(number, row.line, problem=of_error(InputError(row.message, field="row")))
        if self._seen is not None:
            self._seen.update(row.values)
        given = row.values.get(self._id)
        given_id = str(given)[:_LONGEST_ID] if isinstance(given, (str, int)) else None
        try:
            request = ClassifyRequest.model_validate(self._values(row.values))
        except ValidationError as error:
            return Item(number, row.line, given_id=given_id, problem=of_item(error))
        sent = request.model_dump(mode="json", exclude_unset=True)
        return Item(number, row.line, _without_nul(sent), _without_nul(given_id))

    def _values(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: cells.get(column) for name, column in self._fields.items()}
        values = {name: _plain(name, cell) for name, cell in found.items() if cell is not None}
        metadata = self._metadata_of(cells)
        for name, value in self._options.defaults.items():
            if name.startswith(_METADATA):
                metadata.setdefault(name.removeprefix(_METADATA), value)
            else:
                values.setdefault(name, value)
        return {**values, "metadata": metadata} if metadata else values

    def _metadata_of(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        own = cells.get("metadata")
        metadata = dict(own) if isinstance(own, dict) else {}
        for name, column in self._metadata.items():
            if (cell := cells.get(column)) is not None:
                metadata[name] = cell.isoformat() if isinstance(cell, datetime) else cell
        return metadata


def _plain(name: str, cell: Any) -> Any:
    """A spreadsheet gives numbers for ids; anything but the text may be written as one."""
    return cell if name == "text" or isinstance(cell, datetime) else str(cell)


def _without_nul(value: T) -> T:
    """PostgreSQL holds no NUL, neither in words nor in JSON."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")  # type: ignore[return-value]
    if isinstance(value, dict):
        return {_without_nul(k): _without_nul(v) for k, v in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [_without_nul(item) for item in value]  # type: ignore[return-value]
    return value
