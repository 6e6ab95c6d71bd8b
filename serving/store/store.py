"""Save decisions durably, once, and find them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from data.errors import NotFoundError
from serving.store import pipelining
from serving.store.earlier import latest, standing
from serving.store.entry import Entry, GroupHook, Saved
from serving.store.faults import answering, concerns_all, translated
from serving.store.group import write
from serving.store.tables import ComplaintRow


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Complaints and decisions over one SQLAlchemy engine. Safe to share between threads."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _now) -> None:
        self._engine = engine
        self._session = sessionmaker(engine, expire_on_commit=False)
        self._clock = clock
        self._hooks: list[GroupHook] = []

    @property
    def engine(self) -> Engine:
        """The database."""
        return self._engine

    @property
    def session(self) -> sessionmaker[Session]:
        """Makes sessions: `with store.session.begin() as session` is one transaction."""
        return self._session

    def attach(self, hook: GroupHook) -> None:
        """From now on call `hook` in each transaction that saves entries, with the new ones."""
        self._hooks.append(hook)

    def save(self, entry: Entry) -> Saved:
        """Write complaint, decision and key in one transaction; durable when this returns.

        Returns the first answer where the same complaint was saved before. Raises ConflictError
        where its key or (source, external_id) was used for another content, StoreDownError where
        the database does not answer.
        """
        (result,) = self.save_group([entry])
        if isinstance(result, Exception):
            raise result
        return result

    def save_group(self, entries: Sequence[Entry]) -> list[Saved | Exception]:
        """Write many entries in one transaction; each has its own result, in the same order.

        A group that cannot be written whole is written in halves, so that one entry that fails
        (a race lost to another process, a value the database refuses) harms no other.
        """
        try:
            return self._write(entries)
        except SQLAlchemyError as error:
            if concerns_all(error):
                return [translated(error)] * len(entries)
            if len(entries) == 1:
                return [self._again(entries[0], error)]
        except Exception as error:  # noqa: BLE001 - an attachment's failure is its entry's result
            if len(entries) == 1:
                return [error]
        middle = len(entries) // 2
        return self.save_group(entries[:middle]) + self.save_group(entries[middle:])

    def _write(self, entries: Sequence[Entry]) -> list[Saved | Exception]:
        with self._session() as session:
            results = write(session, entries, self._hooks, self._clock())
            pipelining.commit(session)
            return results

    def _again(self, entry: Entry, error: SQLAlchemyError) -> Saved | Exception:
        """Once more after a race: what won it is found now."""
        if not isinstance(error, IntegrityError):
            return translated(error)
        try:
            return self._write([entry])[0]
        except SQLAlchemyError as second:
            return translated(second)

    def find_earlier(self, entry: Entry) -> bytes | None:
        """The answer given before to what `entry` identifies; None if it is new.

        Raises ConflictError where the identity was used for another content.
        """
        if entry.key is None and entry.identity is None:
            return None
        with answering(), self._engine.connect() as connection:
            before = standing(connection, [entry]).before(entry)
            return latest(connection, before) if before is not None else None

    def decision(self, complaint_id: str) -> bytes:
        """The latest decision on a complaint. Raises NotFoundError."""
        with answering(), self._session() as session:
            return latest(session, complaint_id)

    def complaint(self, complaint_id: str) -> dict[str, Any]:
        """What was received. Raises NotFoundError."""
        with answering(), self._session() as session:
            row = session.get(ComplaintRow, complaint_id)
            if row is None:
                raise NotFoundError("no such complaint", field="complaint_id")
            return {
                "text": row.text,
                "source": row.source or None,
                "external_id": row.external_id,
                **row.fields,
            }

    def ping(self) -> None:
        """Raise StoreDownError where the database does not answer."""
        with answering(), self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()
