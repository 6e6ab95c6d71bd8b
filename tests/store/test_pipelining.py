from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, insert
from sqlalchemy.exc import DBAPIError, IntegrityError

from serving.store import pipelining

META = MetaData()
ONE = Table("pipelining_one", META, Column("id", Integer, primary_key=True))
TWO = Table(
    "pipelining_two", META, Column("id", Integer, primary_key=True), Column("word", String(3))
)


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
