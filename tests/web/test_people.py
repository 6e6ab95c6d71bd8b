"""Names behind logins, keys and commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from serving.store import keys, users
from serving.store.database import connect, migrate
from serving.web.people import Directory, People

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = connect(database_url)
    migrate(engine)
    with sessionmaker(engine).begin() as found:
        yield found
    engine.dispose()


def test_actors_are_read_by_their_names() -> None:
    people = People({"zhangwei": "张伟"}, {"a788": "柜面系统"})
    said = [people.who(actor) for actor in ("user:zhangwei", "key:a788", "cli:ops", "suda", None)]
    assert said == ["张伟", "密钥 柜面系统", "命令行 ops", "系统", "—"]


def test_who_is_not_known_is_their_own_name() -> None:
    people = People()
    assert people.who("user:gone") == "gone"
    assert people.who("key:1f") == "密钥 1f"
    assert people.who("tests") == "tests"
    assert people.name(None) == "—"


def test_names_come_from_the_store_and_are_read_anew_in_time(session: Session) -> None:
    directory = Directory()
    minted = keys.create(session, keys.Wish("柜面系统", frozenset({"intake"})), "tests", NOW)
    users.add(session, users.Person("liling", "李玲", "reviewer"), None, "tests", NOW)
    first = directory.people(session, NOW)
    assert first.name("liling") == "李玲"
    assert first.who(f"key:{minted.id}") == "密钥 柜面系统"
    users.add(session, users.Person("sunli", "孙丽", "lead"), None, "tests", NOW)
    assert directory.people(session, NOW).name("sunli") == "sunli"
    assert directory.people(session, NOW + timedelta(seconds=5)).name("sunli") == "孙丽"
