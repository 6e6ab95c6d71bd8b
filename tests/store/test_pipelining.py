from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from serving.store import pipelining

META = MetaData()
ONE = Table("pipelining_one", META, Column("id", Integer, primary_key=True))
TWO = Table(
    "pipelining_two", META, Column("id", Integer, primary_key=True), Column("word", String(3))
)

RENAMED = TWO.update().values(word=bindparam("new"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    if database_url.startswith("sqlite"):
        database_url = "sqlite://"
    made = create_engine(database_url)
    META.create_all(made)
    yield made
    made.dispose()


def rows(engine: Engine) -> list[list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(table.select().order_by(table.c.id))]
            for table in (ONE, TWO)
        ]


def test_all_are_written_in_their_order(engine: Engine) -> None:
    with engine.begin() as connection:
        pipelining.execute(
            connection,
            (insert(ONE), [{"id": 1}, {"id": 2}]),
            (insert(TWO), []),
            (insert(TWO), [{"id": 1, "word": "a"}]),
            (TWO.update(), [{"word": "b"}]),
        )
    assert rows(engine) == [[(1,), (2,)], [(1, "b")]]


@pytest.mark.parametrize("at", [0, 1])
def test_what_fails_raises_as_ever_and_nothing_stays(engine: Engine, at: int) -> None:
    writes: list[pipelining.Write] = [
        (insert(ONE), [{"id": 1}]),
        (insert(TWO), [{"id": 1, "word": "a"}]),
    ]
    writes.insert(at, (insert(ONE), [{"id": 5}, {"id": 5}]))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        pipelining.execute(connection, *writes)
    assert rows(engine) == [[], []]
    # The connection that failed is as good as new.
    with engine.begin() as connection:
        pipelining.execute(connection, *writes[1 - at : 2 - at], (insert(ONE), [{"id": 9}]))
    assert (9,) in rows(engine)[0]


def test_what_was_left_for_later_is_sent_with_what_follows_in_its_order(engine: Engine) -> None:
    with Session(engine) as session:
        pipelining.later(session, (insert(ONE), [{"id": 1}]), (insert(TWO), []))
        pipelining.later(session, (insert(TWO), [{"id": 1, "word": "a"}]))
        question = RENAMED.returning(TWO.c.id, TWO.c.word)
        assert tuple(pipelining.ask(session, question, {"new": "b"})) == (1, "b")
        pipelining.later(session, (insert(ONE), [{"id": 2}]))
        pipelining.commit(session)
        assert rows(engine) == [[(1,), (2,)], [(1, "b")]]
        # And it goes on: another transaction on the same connection.
        pipelining.later(session, (insert(ONE), [{"id": 3}]))
        pipelining.commit(session)
    assert rows(engine)[0] == [(1,), (2,), (3,)]


def test_a_plain_commit_forgets_nothing(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.connection()
        pipelining.later(session, (insert(ONE), [{"id": 1}]))
    assert rows(engine)[0] == [(1,)]


def test_what_fails_at_the_commit_raises_and_nothing_stays(engine: Engine) -> None:
    with Session(engine) as session:
        pipelining.later(session, (insert(ONE), [{"id": 1}]), (insert(ONE), [{"id": 1}]))
        with pytest.raises(IntegrityError):
            pipelining.commit(session)
    with Session(engine) as session:
        session.connection()
        pipelining.later(session, (insert(ONE), [{"id": 2}]))
        pipelining.commit(session)
    assert rows(engine)[0] == [(2,)]


def test_what_was_left_goes_with_a_rollback(engine: Engine) -> None:
    with Session(engine) as session:
        session.connection()
        pipelining.later(session, (insert(ONE), [{"id": 1}]))
        session.rollback()
        session.connection()
        pipelining.commit(session)
    assert rows(engine)[0] == []


def test_what_is_asked_and_not_there(engine: Engine) -> None:
    with Session(engine) as session, pytest.raises(NoResultFound):
        pipelining.ask(session, RENAMED.returning(TWO.c.id), {"new": "b"})


def test_a_connection_that_is_gone_is_known_to_be(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    META.create_all(engine)
    with engine.connect() as connection, engine.connect() as other:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(DBAPIError) as error:
            pipelining.execute(connection, (insert(ONE), [{"id": 1}]), (insert(ONE), [{"id": 2}]))
        assert error.value.connection_invalidated
    engine.dispose()
