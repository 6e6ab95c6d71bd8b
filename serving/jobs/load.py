"""A file that has come in becomes a job with its rows in the store, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from data.errors import ConflictError, InputError, TooLargeError
from data.files import read_stream
from serving.jobs.options import JobOptions
from serving.jobs.rows import Reader
from serving.jobs.sealed import Sealed
from serving.jobs.unpack import unpacked
from serving.store import job_items, job_removal, jobs
from serving.store.faults import answering
from serving.store.job_items import Item
from serving.store.jobs import Wish
from serving.store.rows.jobs import JobRow

_AT_ONCE = 500
# A reader that has not added rows for so long is dead.
_LOADING = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A complete file with its suffix, and what its sender said about it."""

    file: Sealed
    suffix: str
    name: str
    options: JobOptions
    actor: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Loader:
    """Reads files into the store, `max_rows` rows and `max_open` unfinished jobs at most."""

    sessions: sessionmaker[Session]
    max_bytes: int
    max_rows: int
    max_open: int
    clock: Callable[[], datetime]
    spool: Path | None = None

    def load(self, incoming: Incoming) -> tuple[JobRow, bool]:
        """The job, and whether its key had made it before. Blocks until all its rows are durable.

        The file is closed; nothing is left of one that is refused. Raises FileFormatError,
        InputError or TooLargeError for one that cannot be read, ConflictError where the key was
        used for another, OverloadedError and StoreDownError.
        """
        digest = incoming.file.digest
        with answering():
            if incoming.key and (before := self._before(incoming.key, digest)):
                return before, True
            file = unpacked(incoming.file, incoming.suffix, self.max_bytes, self.spool)
            try:
                return self._stored(incoming, file, digest), False
            finally:
                file.close()

    def _before(self, key: str, digest: str) -> JobRow | None:
        with self.sessions() as session:
            return jobs.by_key(session, key, digest)

    def _stored(self, incoming: Incoming, file: Sealed, digest: str) -> JobRow:
        reader = Reader(incoming.options)
        with closing(read_stream(file.stream, incoming.suffix, "file", reader.header)) as rows:
            items = self._counted(reader.items(rows))
            # Whatever is wrong with the file as a whole mostly shows before anything is written.
            first = list(islice(items, _AT_ONCE))
            if not first:
                raise InputError("expected rows, got none", field="file")
            wish = Wish(
                incoming.name,
                incoming.actor,
                digest,
                incoming.options.model_dump(mode="json", exclude={"name", "url"}),
                incoming.key,
            )
            job_id = self._begin(wish)
            try:
                self._fill(job_id, first, items)
                reader.check_seen()
                with self.sessions.begin() as session:
                    return jobs.queue(session, job_id, self.clock())
            except BaseException:
                with suppress(SQLAlchemyError):
                    job_removal.discard(self.sessions, job_id)
                raise

    def _fill(self, job_id: str, first: list[Item], rest: Iterator[Item]) -> None:
        batch = first
        while batch:
            with self.sessions.begin() as session:
                jobs.extend(session, job_id, self.clock() + _LOADING)
                job_items.add(session, job_id, batch)
            batch = list(islice(rest, _AT_ONCE))

    def _begin(self, wish: Wish) -> str:
        now = self.clock()
        try:
            with self.sessions.begin() as session:
                return jobs.begin(session, wish, now + _LOADING, self.max_open, now)
        except IntegrityError as error:
            raise ConflictError(
                "the same file is being read right now", field="Idempotency-Key"
            ) from error

    def _counted(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            if item.number > self.max_rows:
                raise TooLargeError(
                    f"expected at most {self.max_rows} rows; split the file", field="file"
                )
            yield item
