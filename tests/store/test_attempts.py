"""Failed sign-ins, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from serving.store import attempts
from serving.store.rows.web import AttemptRow
from serving.store.store import Store

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
ONE = attempts.of_login("zhang")


def fail(store: Store, times: int, at: datetime = NOW) -> timedelta:
    lock = timedelta(0)
    with store.session.begin() as session:
        for _ in range(times):
            lock = attempts.failed(session, ONE, at)
    return lock


def wait(store: Store, at: datetime) -> timedelta:
    with store.session() as session:
        return attempts.locked(session, (ONE,), at)


def test_free_ones_then_longer_and_longer() -> None:
    waits = [attempts.wait_for(n, 5).total_seconds() for n in range(4, 15)]
    assert waits == [0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_a_lock_ends_by_itself(store: Store) -> None:
    assert fail(store, 4) == timedelta(0)
    assert wait(store, NOW) == timedelta(0)
    assert fail(store, 1) == timedelta(seconds=30)
    assert wait(store, NOW + timedelta(seconds=29)) == timedelta(seconds=1)
    assert wait(store, NOW + timedelta(seconds=30)) == timedelta(0)
    assert fail(store, 1, NOW + timedelta(seconds=30)) == timedelta(seconds=60)


def test_a_day_later_nothing_is_remembered(store: Store) -> None:
    fail(store, 9)
    assert fail(store, 1, NOW + timedelta(hours=25)) == timedelta(0)


def test_forgiven(store: Store) -> None:
    fail(store, 9)
    with store.session.begin() as session:
        attempts.forgive(session, ONE)
    assert wait(store, NOW) == timedelta(0)
    assert fail(store, 1) == timedelta(0)


def test_an_address_gets_back_only_its_own(store: Store) -> None:
    address = attempts.of_address("10.0.0.1")
    with store.session.begin() as session:
        for _ in range(31):
            attempts.failed(session, address, NOW)
        attempts.give_back(session, address)
        assert attempts.locked(session, (address,), NOW)
        attempts.give_back(session, address)
        assert not attempts.locked(session, (address,), NOW)


@pytest.mark.parametrize("login", ["Zhang", " zhang ", "ZHANG"])
def test_a_login_is_one_however_it_is_written(login: str) -> None:
    assert attempts.of_login(login) == ONE
    assert "zhang" not in ONE.key


def test_a_hundred_at_the_same_time_are_a_hundred(store: Store) -> None:
    def one(_: int) -> None:
        with store.session.begin() as session:
            attempts.failed(session, ONE, NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(40)))
    with store.session() as session:
        assert session.scalar(select(func.sum(AttemptRow.failed))) == 40
        assert session.scalar(select(func.count()).select_from(AttemptRow)) == 1
