"""The database goes and comes back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, event, make_url, text

from data.errors import StoreDownError
from serving.store.database import connect, migrate
from serving.store.entry import Saved
from serving.store.store import Store
from tests.store.kit import entry


class Postgres:
    """A PostgreSQL user of its own, who can be thrown out and let in again."""

    def __init__(self, server: str) -> None:
        self.name = f"u{uuid.uuid4().hex[:12]}"
        self._admin = create_engine(server, isolation_level="AUTOCOMMIT")
        self._run(f"CREATE ROLE {self.name} LOGIN")
        self._run(f"CREATE SCHEMA {self.name} AUTHORIZATION {self.name}")
        self.url = make_url(server).set(username=self.name).render_as_string(False)

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def cut(self) -> None:
        """End all connections, as a restart of the server does."""
        self._run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.name}'"  # noqa: S608
        )

    def go(self) -> None:
        """Refuse new connections too."""
        self._run(f"ALTER ROLE {self.name} NOLOGIN")
        self.cut()

    def come_back(self) -> None:
        self._run(f"ALTER ROLE {self.name} LOGIN")

    def close(self) -> None:
        self._admin.dispose()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[Postgres]:
    postgres = Postgres(postgres_server)
    yield postgres
    postgres.close()


def test_a_server_that_restarts_is_hardly_noticed(postgres: Postgres) -> None:
    store = Store(_migrated(postgres.url))
    store.save(entry("一", external_id="1"))
    postgres.cut()
    assert isinstance(store.save_group([entry("二", external_id="2")])[0], Saved)
    store.ping()
    store.close()


def test_while_it_is_gone_nothing_is_stored_and_all_are_told(postgres: Postgres) -> None:
    store = Store(_migrated(postgres.url))
    first = entry("一", external_id="1")
    store.save(first)
    postgres.go()
    for _ in range(2):
        results = store.save_group([entry("二", external_id="2"), entry("三")])
        assert [type(r) for r in results] == [StoreDownError] * 2
        with pytest.raises(StoreDownError) as down:
            store.find_earlier(first)
        assert down.value.retry_after
        with pytest.raises(StoreDownError):
            store.ping()
    postgres.come_back()
    assert store.find_earlier(first) == first.body
    assert not store.save(entry("二", external_id="2")).replayed
    store.close()


def test_a_full_disk_is_told_and_got_over(sqlite_url: str) -> None:
    engine = _migrated(sqlite_url)
    pages = [0]

    def limit(connection: Any, _: Any, __: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages[0] or 1 << 30}")

    event.listen(engine, "checkout", limit)
    store = Store(engine)
    with engine.connect() as connection:
        pages[0] = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    big = entry("长" * 20_000, external_id="1")
    assert [type(r) for r in store.save_group([big, entry("二" * 9_000)])] == [StoreDownError] * 2
    pages[0] = 0
    assert store.find_earlier(big) is None
    assert not store.save(big).replayed
    assert store.complaint(big.complaint_id)["text"] == big.complaint.text
    store.close()


def _migrated(url: str) -> Any:
    engine = connect(url)
    migrate(engine)
    return engine
