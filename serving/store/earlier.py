"""What stands already: the first answer to a key or to a caller's own id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ARRAY, Connection, Select, String, any_, bindparam, select
from sqlalchemy.orm import Session

from data.errors import ConflictError, NotFoundError
from serving.store import pipelining
from serving.store.base import table_of
from serving.store.entry import Entry
from serving.store.tables import ComplaintRow, DecisionRow, IdempotencyRow


@dataclass(frozen=True, slots=True)
class _First:
    """Who came first: what was sent then, and under which id it is kept."""

    fingerprint: str
    complaint_id: str


@dataclass(slots=True)
class Standing:
    """First users of the keys and ids in question; `add` makes an entry the first of its own."""

    keys: dict[str, _First] = field(default_factory=dict)
    identities: dict[tuple[str, str], _First] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """From now on `entry` is the first."""
        first = _First(entry.fingerprint, entry.complaint_id)
        if entry.key is not None:
            self.keys[entry.key] = first
        if entry.identity is not None:
            self.identities[entry.identity] = first

    def before(self, entry: Entry) -> str | None:
        """Id of the complaint that `entry` repeats; None if it is new.

        Raises ConflictError where its key or id was used for another content.
        """
        by_key = self.keys.get(entry.key) if entry.key is not None else None
        if by_key is not None:
            return _same(by_key, entry, "Idempotency-Key", "was used before with another body")
        by_id = self.identities.get(entry.identity) if entry.identity is not None else None
        if by_id is not None:
            message = "was used before by this source with another content"
            return _same(by_id, entry, "external_id", message)
        return None


# Tables, not rows: these run for every complaint, and a mapper would take longer than the database.
_KEYS, _COMPLAINTS = table_of(IdempotencyRow), table_of(ComplaintRow)
_FOUND_BY_KEY = select(_KEYS.c.key, _KEYS.c.fingerprint, _KEYS.c.complaint_id)
_FOUND_BY_ID = select(_COMPLAINTS.c.external_id, _COMPLAINTS.c.fingerprint, _COMPLAINTS.c.id).where(
    _COMPLAINTS.c.source == bindparam("source")
)


# psycopg takes the values as one array; elsewhere each is asked for by itself, where an answer is
# no way off.
_ALL_BY_KEY = _FOUND_BY_KEY.where(_KEYS.c.key == any_(bindparam("values", type_=ARRAY(String))))
_ALL_BY_ID = _FOUND_BY_ID.where(
    _COMPLAINTS.c.external_id == any_(bindparam("values", type_=ARRAY(String)))
)
_ONE_BY_KEY = _FOUND_BY_KEY.where(_KEYS.c.key == bindparam("value"))
_ONE_BY_ID = _FOUND_BY_ID.where(_COMPLAINTS.c.external_id == bindparam("value"))


def standing(connection: Connection, entries: Sequence[Entry]) -> Standing:
    """Look all keys and ids of `entries` up."""
    found = Standing()
    if keys := [entry.key for entry in entries if entry.key is not None]:
        for key, fingerprint, id_ in _all(connection, _ALL_BY_KEY, _ONE_BY_KEY, {}, keys):
            found.keys[key] = _First(fingerprint, id_)
    # By source: a comparison of pairs would make SQLite read the whole table.
    by_source: dict[str, list[str]] = {}
    for source, external_id in (entry.identity for entry in entries if entry.identity is not None):
        by_source.setdefault(source, []).append(external_id)
    for source, ids in by_source.items():
        given = {"source": source}
        for external, fingerprint, id_ in _all(connection, _ALL_BY_ID, _ONE_BY_ID, given, ids):
            found.identities[source, external] = _First(fingerprint, id_)
    return found


def _all(
    connection: Connection,
    at_once: Select[Any],
    each: Select[Any],
    given: dict[str, Any],
    values: list[str],
) -> Iterator[Sequence[Any]]:
    if pipelining.sends_ahead(connection):
        yield from pipelining.rows(connection, at_once, {**given, "values": values})
        return
    for value in values:
        yield from pipelining.rows(connection, each, {**given, "value": value})


def latest(session: Session | Connection, complaint_id: str) -> bytes:
    """The latest decision on a complaint. Raises NotFoundError."""
    found = session.scalars(
        select(DecisionRow.body)
        .where(DecisionRow.complaint_id == complaint_id)
        .order_by(DecisionRow.created_at.desc())
    ).first()
    if found is None:
        raise NotFoundError("no such complaint", field="complaint_id")
    return found


def _same(first: _First, entry: Entry, name: str, otherwise: str) -> str:
    if first.fingerprint != entry.fingerprint:
        raise ConflictError(otherwise, field=name)
    return first.complaint_id
