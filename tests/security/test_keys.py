from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from serving.security.keys import ApiKey, Minted, authenticate, digest, mint, split

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def kept(minted: Minted) -> ApiKey:
    return ApiKey(minted.id, "n", minted.digest, frozenset({"intake"}), NOW, "cli:x")


def test_a_key_opens_with_its_own_token_only() -> None:
    mine, other = mint(), mint()
    store = {mine.id: kept(mine), other.id: kept(other)}
    found = authenticate(mine.token, store.get, NOW)
    assert found is not None
    assert found.id == mine.id
    crossed = mine.token[:18] + other.token[18:]
    assert authenticate(crossed, store.get, NOW) is None


@pytest.mark.parametrize(
    "token",
    ["", "suda_", "x" * 61, "suda_0123456789ab_" + "é" * 43, "suda_0123456789ab_" + "a" * 43],
)
def test_anything_else_opens_nothing(token: str) -> None:
    mine = mint()
    assert authenticate(token, {mine.id: kept(mine)}.get, NOW) is None


def test_every_changed_character_closes() -> None:
    mine = mint()
    store = {mine.id: kept(mine)}
    for place, character in enumerate(mine.token):
        changed = mine.token[:place] + ("b" if character == "a" else "a") + mine.token[place + 1 :]
        assert authenticate(changed, store.get, NOW) is None


def test_expired_and_revoked_keys_are_closed() -> None:
    mine = mint()
    key = kept(mine)
    for ended in (
        replace(key, expires_at=NOW),
        replace(key, revoked_at=NOW - timedelta(days=1)),
        replace(key, expires_at=NOW + timedelta(days=1), revoked_at=NOW),
    ):
        assert authenticate(mine.token, {mine.id: ended}.get, NOW) is None
    later = replace(key, expires_at=NOW + timedelta(seconds=1))
    assert authenticate(mine.token, {mine.id: later}.get, NOW) is not None


def test_keys_are_random_and_hold_256_bits() -> None:
    made = [mint() for _ in range(200)]
    assert len({m.token for m in made}) == len({m.id for m in made}) == 200
    secret = split(made[0].token)
    assert secret is not None
    assert len(secret[1]) == 43  # 32 bytes in base64
    assert digest(secret[1]) == made[0].digest


def test_neither_token_nor_hash_is_shown_by_accident() -> None:
    mine = mint()
    assert mine.token not in repr(mine)
    assert mine.digest not in repr(kept(mine))


def test_an_unknown_id_is_compared_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time taken would tell which ids exist."""
    import hmac

    compared: list[tuple[str, str]] = []

    def spy(one: str, two: str) -> bool:
        compared.append((one, two))
        return False

    monkeypatch.setattr(hmac, "compare_digest", spy)
    authenticate(mint().token, lambda _: None, NOW)
    assert [len(one) == len(two) == 64 for one, two in compared] == [True]
