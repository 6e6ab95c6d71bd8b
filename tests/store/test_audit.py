"""The audit chain in the database: one order, whoever writes, and every change shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.orm import Session, sessionmaker

from serving.security.audit import Anchor, Record
from serving.store import audit
from tests.store.security_kit import NOW, opened

COLUMNS = ("seq", "at", "actor", "action", "subject", "details", "previous", "hash")


def fill(sessions: sessionmaker[Session], count: int = 5) -> None:
    for number in range(count):
        with sessions.begin() as session:
            audit.record(session, "cli:甲", "key.created", f"key:{number}", {"n": 1}, now=NOW)


def verdict(sessions: sessionmaker[Session], *anchors: Anchor) -> Any:
    with sessions() as session:
        return audit.verify(session, anchors)


@contextmanager
def tampered(engine: Engine, *statements: str) -> Iterator[Session]:
    """The chain after what someone who may alter the schema did; undone afterwards."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
            connection.execute(text("DROP TRIGGER audit_log_update"))
            connection.execute(text("DROP TRIGGER audit_log_delete"))
        else:
            connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        for statement in statements:
            assert connection.execute(text(statement)).rowcount > 0
        with Session(connection, join_transaction_mode="rollback_only") as session:
            yield session
        connection.rollback()


def test_entries_are_chained_in_order(database_url: str) -> None:
    with opened(database_url) as (_, sessions):
        assert verdict(sessions).intact
        fill(sessions)
        found = verdict(sessions)
        assert found.intact
        assert found.checked == 5
        with sessions() as session:
            assert audit.head(session) == found.head
            entries = list(audit.entries(session))
        assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
        assert entries[0].at == "2026-11-22T01:02:03.000000+00:00"
        assert entries[0].details == '{"n":1}'


def test_a_rolled_back_transaction_leaves_no_gap(database_url: str) -> None:
    with opened(database_url) as (_, sessions):
        fill(sessions, 1)
        with sessions() as session:
            audit.record(session, "a", "b.c", "d", now=NOW)
            session.rollback()
        fill(sessions, 1)
        assert verdict(sessions).intact
        assert verdict(sessions).checked == 2


def test_pages_and_filters(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_PAGE", 2)
    with opened(database_url) as (_, sessions):
        fill(sessions)
        with sessions.begin() as session:
            audit.record(session, "a", "key.revoked", "key:1", now=NOW)
        with sessions() as session:
            assert [e.seq for e in audit.entries(session)] == [1, 2, 3, 4, 5, 6]
            assert [e.seq for e in audit.entries(session, audit.Filter(after=4))] == [5, 6]
            one = audit.Filter(subject="key:1")
            assert [e.seq for e in audit.entries(session, one)] == [2, 6]
            assert [e.seq for e in audit.page(session, audit.Filter(action="key.revoked"), 9)] == [
                6
            ]
            assert len(audit.page(session, audit.Filter(), 3)) == 3


def test_the_database_itself_refuses_changes(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        fill(sessions)
        for statement in (
            "UPDATE audit_log SET actor = 'x' WHERE seq = 2",
            "DELETE FROM audit_log",
        ):
            with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
                connection.execute(text(statement))
        assert verdict(sessions).intact


def test_a_change_of_any_column_is_noticed(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        fill(sessions)
        for column in COLUMNS:
            new = "seq + 100" if column == "seq" else f"'é' || substr({column}, 2)"
            change = f"UPDATE audit_log SET {column} = {new} WHERE seq = 3"  # noqa: S608
            with tampered(engine, change) as session:
                assert not audit.verify(session).intact, column
        assert verdict(sessions).intact


CUTS = {
    "DELETE FROM audit_log WHERE seq = 3": "missing",
    "DELETE FROM audit_log WHERE seq = 1": "missing",
    "DELETE FROM audit_log WHERE seq = 5": "ends at 4",
    "DELETE FROM audit_log": "ends at 0",
    "UPDATE audit_head SET hash = 'x'": "anchored",
    "UPDATE audit_head SET seq = 3": "anchored",
    "DELETE FROM audit_head": "head is gone",
    "UPDATE audit_log SET seq = 9 WHERE seq = 2": "missing",
}


def test_what_is_cut_out_or_off_is_noticed(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        fill(sessions)
        for statement, said in CUTS.items():
            with tampered(engine, statement) as session:
                breaks = audit.verify(session).breaks
            assert any(said in fault.why for fault in breaks), (statement, breaks)


def test_a_tail_cut_with_the_head_set_back_is_noticed_by_an_anchor_kept_elsewhere(
    database_url: str,
) -> None:
    cut = (
        "DELETE FROM audit_log WHERE seq > 3",
        "UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_log WHERE seq = 3)",
    )
    with opened(database_url) as (engine, sessions):
        fill(sessions)
        with sessions() as session:
            anchor = audit.head(session)
        with tampered(engine, *cut) as session:
            assert audit.verify(session).intact
            assert not audit.verify(session, [anchor]).intact
            # Not even going on as before hides it.
            audit.append(session, [Record("a", "b.c", "d")] * 4, NOW)
            assert audit.verify(session).intact
            assert not audit.verify(session, [anchor]).intact


def test_nothing_is_done_where_it_cannot_be_recorded(database_url: str) -> None:
    with (
        opened(database_url) as (engine, _),
        tampered(engine, "DELETE FROM audit_head") as session,
        pytest.raises(NoResultFound),
    ):
        audit.record(session, "a", "b.c", "d", now=NOW)


def test_many_writers_make_one_chain(database_url: str) -> None:
    """Each writer has connections of its own, as processes have."""
    writers, each = 6, 15
    start = threading.Barrier(writers)
    failures: list[BaseException] = []

    def write(name: int) -> None:
        try:
            with opened(database_url) as (_, sessions):
                start.wait()
                for number in range(each):
                    with sessions.begin() as session:
                        group = [Record(f"w:{name}", "a.b", str(number))] * (1 + number % 3)
                        audit.append(session, group, datetime.now(UTC))
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    with opened(database_url) as (_, sessions):
        threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        found = verdict(sessions)
        assert found.intact
        assert found.checked == writers * sum(1 + n % 3 for n in range(each))
