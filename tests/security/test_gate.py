from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from data.errors import NotReadyError
from serving.security.bucket import RateLimitError
from serving.security.gate import (
    ANYONE,
    FRESH_SECONDS,
    STALE_SECONDS,
    ForbiddenError,
    Gate,
    UnauthorizedError,
    check_scope,
    token_of,
)
from serving.security.keys import SCOPES, ApiKey, Minted, mint

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Source:
    """Keys that can be changed, and a database that can go away."""

    def __init__(self, *minted: Minted) -> None:
        self.keys = {m.id: _key(m) for m in minted}
        self.used: dict[str, datetime] = {}
        self.away = False
        self.reads = 0

    def refresh(self, used: Mapping[str, datetime], now: datetime) -> dict[str, ApiKey]:
        if self.away:
            raise OperationalError("select", {}, Exception("gone"))
        self.reads += 1
        self.used |= used
        return dict(self.keys)


def _key(minted: Minted) -> ApiKey:
    return ApiKey(minted.id, "n", minted.digest, frozenset({"intake"}), NOW, "cli:x", rate=2)


class Now:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)


def gate_over(source: Source, now: Now) -> Gate:
    gate = Gate(source, None, now.clock, now.now)
    gate.refresh()
    return gate


def test_a_known_key_is_let_in_and_its_use_is_noted() -> None:
    mine, now = mint(), Now()
    source = Source(mine)
    gate = gate_over(source, now)
    assert gate.admit(mine.token).actor == f"key:{mine.id}"
    gate.refresh()
    assert source.used == {mine.id: now.now()}


@pytest.mark.parametrize(
    "token", [None, "", "nonsense", mint().token], ids=["none", "empty", "nonsense", "unknown"]
)
def test_every_refusal_reads_the_same(token: str | None) -> None:
    gate = gate_over(Source(mint()), Now())
    with pytest.raises(UnauthorizedError) as caught:
        gate.admit(token)
    assert str(caught.value) == "a valid API key is needed"


def test_a_revoked_key_is_refused_after_the_next_read() -> None:
    mine, now = mint(), Now()
    source = Source(mine)
    gate = gate_over(source, now)
    source.keys.clear()
    assert not gate.stale(mine.id)
    now.seconds += FRESH_SECONDS + 0.1
    assert gate.stale(mine.id)
    gate.refresh()
    with pytest.raises(UnauthorizedError):
        gate.admit(mine.token)


def test_an_expiring_key_ends_between_reads() -> None:
    mine, now = mint(), Now()
    source = Source(mine)
    end = now.now() + timedelta(seconds=1)
    source.keys[mine.id] = replace(source.keys[mine.id], expires_at=end)
    gate = gate_over(source, now)
    gate.admit(mine.token)
    now.seconds += 1
    with pytest.raises(UnauthorizedError):
        gate.admit(mine.token)


def test_invented_ids_do_not_reach_the_database_one_by_one() -> None:
    now = Now()
    gate = gate_over(Source(mint()), now)
    assert not gate.stale(mint().id)
    now.seconds += 0.3
    assert gate.stale(mint().id)
    gate.refresh()
    assert not gate.stale(mint().id)


def test_known_keys_hold_for_a_while_without_the_database() -> None:
    mine, now = mint(), Now()
    source = Source(mine)
    gate = gate_over(source, now)
    gate.admit(mine.token)
    source.away = True
    now.seconds += STALE_SECONDS - 1
    gate.refresh()
    gate.admit(mine.token)
    now.seconds += 2
    with pytest.raises(NotReadyError):
        gate.refresh()
    source.away = False
    gate.refresh()
    assert mine.id in source.used  # what could not be noted then is noted now


def test_rates_are_kept_by_key() -> None:
    mine, now = mint(), Now()
    gate = gate_over(Source(mine), now)
    caller = gate.admit(mine.token)
    gate.charge(caller, 2)
    with pytest.raises(RateLimitError):
        gate.charge(caller, 1)


def test_without_keys_anyone_may_do_anything() -> None:
    gate = Gate(None)
    assert not gate.stale(None)
    assert gate.admit(None) is ANYONE
    gate.charge(ANYONE, 10**6)
    assert ANYONE.scopes == set(SCOPES)


def test_scopes_do_not_include_each_other() -> None:
    caller = gate_over(Source(mine := mint()), Now()).admit(mine.token)
    check_scope(caller, frozenset({"intake", "review"}))
    with pytest.raises(ForbiddenError):
        check_scope(caller, frozenset({"review"}))


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({b"authorization": b"Bearer abc"}, "abc"),
        ({b"authorization": b"bearer  abc "}, "abc"),
        ({b"x-api-key": b"abc"}, "abc"),
        ({b"authorization": b"Basic abc", b"x-api-key": b"d"}, "d"),
        ({b"authorization": b"Bearer"}, None),
        ({b"authorization": b"\xff\xfe"}, None),
        ({}, None),
    ],
)
def test_tokens_in_headers(headers: dict[bytes, bytes], token: str | None) -> None:
    assert token_of(headers) == token
