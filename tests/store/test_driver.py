"""Past SQLAlchemy the same is stored, the same is raised, and no customer's words are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from serving.store import driver
from serving.store.base import Json
from serving.store.database import connect
from serving.store.types import CustomerBytes, CustomerText, UtcTime

META = MetaData()
ALL = Table(
    "driver_all",
    META,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime),
    Column("json", Json),
    Column("words", CustomerText("driver.words")),
    Column("bytes", CustomerBytes("driver.bytes")),
    Column("on", Boolean),
    Column("share", Float),
    Column("small", SmallInteger),
    Column("big", BigInteger),
    Column("code", String(8)),
    CheckConstraint("small < 9"),
)
COMPUTED = Table(
    "driver_computed",
    META,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("made", Integer, default=lambda: 7),
)
CST = timezone(timedelta(hours=8))
ROWS: list[dict[str, Any]] = [
    {
        "at": datetime(2026, 11, 24, 3, 4, 5, 60, CST), "json": {"渠道": ["a", 1.5, None]},
        "words": "没人理我😡", "bytes": b'{"a": 1}', "on": True, "share": 0.1, "small": 1,
        "big": -(2**63), "code": "B0302",
    },
    {
        "at": datetime(2026, 1, 1, tzinfo=UTC), "json": [], "words": "suda0:x", "bytes": b"",
        "on": False, "share": 1.0, "small": -1, "big": 2**63 - 1, "code": "",
    },
    {
        "at": None, "json": None, "words": None, "bytes": None, "on": None, "share": None,
        "small": None, "big": None, "code": None,
    },
    {
        "at": datetime(1999, 12, 31, 23, 59, 59, 999999, UTC), "json": {"n": 10**30},
        "words": "", "bytes": b"\x00", "on": True, "share": 2.0, "small": 0, "big": 0, "code": "'",
    },
]  # fmt: skip


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = connect(database_url)
    META.create_all(made)
    yield made
    META.drop_all(made)
    made.dispose()


def stored(engine: Engine) -> list[tuple[Any, ...]]:
    """As the driver gives it, types and all."""
    with engine.connect() as connection:
        return [
            tuple(row) for row in connection.exec_driver_sql("SELECT * FROM driver_all ORDER BY id")
        ]


def test_the_same_is_stored(engine: Engine) -> None:
    rows = [{"id": n, **row} for n, row in enumerate(ROWS)]
    with engine.begin() as connection:
        connection.execute(insert(ALL), rows)
    ours = stored(engine)
    with engine.begin() as connection:
        connection.execute(ALL.delete())
        driver.write(connection, insert(ALL), rows)
    assert stored(engine) == ours
    with engine.connect() as connection:
        back = connection.execute(select(ALL).order_by(ALL.c.id)).mappings().all()
    assert [dict(row) for row in back] == rows


def test_some_columns_and_constants(engine: Engine) -> None:
    with engine.begin() as connection:
        driver.write(connection, insert(ALL), [{"id": 1, "code": "a"}, {"id": 2, "code": "b"}])
        driver.write(connection, ALL.update().where(ALL.c.id == 2).values(on=True), [{"code": "c"}])
        question = (
            ALL.update()
            .where(ALL.c.id == 1)
            .values(small=func.coalesce(ALL.c.small, 3) + bindparam("more"))
            .returning(ALL.c.small, ALL.c.code)
        )
        assert driver.ask(connection, question, {"more": 4}).fetchall() == [(7, "a")]
    with engine.connect() as connection:
        found = connection.execute(select(ALL.c.id, ALL.c.code, ALL.c.on).order_by(ALL.c.id))
        assert [tuple(row) for row in found] == [(1, "a", None), (2, "c", True)]


def test_what_is_computed_here_is_left_to_sqlalchemy(engine: Engine) -> None:
    with engine.begin() as connection:
        driver.write(connection, insert(COMPUTED), [{"id": 1}])
        assert connection.execute(select(COMPUTED)).all() == [(1, 7)]
        with pytest.raises(ValueError, match="computed"):
            driver.ask(connection, insert(COMPUTED).returning(COMPUTED.c.made), {"id": 2})


def test_errors_are_sqlalchemys_and_quote_no_row(engine: Engine) -> None:
    secret = "我的卡被盗刷"
    row = {"id": 1, "words": secret, "small": 99}
    with pytest.raises(IntegrityError) as error, engine.begin() as connection:
        driver.write(connection, insert(ALL), [row])
    assert secret not in str(error.value)
    assert secret not in str(error.value.__cause__)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM driver_all")).scalar() == 0
