from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from data.errors import ConflictError, InputError, NotFoundError
from serving.security.keys import authenticate
from serving.store import audit, keys
from tests.store.security_kit import NOW, opened

WISH = keys.Wish("call centre", frozenset({"intake"}), NOW + timedelta(days=30), 600)


def test_a_key_is_kept_as_a_hash(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        with sessions.begin() as session:
            minted = keys.create(session, WISH, "cli:x", NOW)
        with sessions() as session:
            (key,) = keys.listed(session)
            assert keys.count(session) == 1
            found = authenticate(minted.token, keys.usable(session, NOW).get, NOW)
        assert found == key
        assert (key.name, key.scopes, key.rate) == (WISH.name, WISH.scopes, 600)
        assert key.expires_at == NOW + timedelta(days=30)
        with engine.connect() as connection:
            rows = [str(r) for r in connection.execute(text("SELECT * FROM api_keys"))]
            rows += [str(r) for r in connection.execute(text("SELECT * FROM audit_log"))]
        secret = minted.token[18:]
        assert rows
        assert not any(secret in row for row in rows)


def test_a_department_has_a_key_without_scopes(database_url: str) -> None:
    wish = keys.Wish("cards", frozenset(), NOW + timedelta(days=30), department="cards")
    with opened(database_url) as (_, sessions):
        with sessions.begin() as session:
            first = keys.create(session, wish, "cli:x", NOW)
            second = keys.rotate(session, first.id, timedelta(days=2), "cli:x", NOW)
        with sessions() as session:
            found = keys.usable(session, NOW)
    for key_id in (first.id, second.id):
        assert (found[key_id].department, found[key_id].scopes) == ("cards", frozenset())


def test_rotation_overlaps(database_url: str) -> None:
    with opened(database_url) as (_, sessions):
        with sessions.begin() as session:
            old = keys.create(session, WISH, "cli:x", NOW)
        later = NOW + timedelta(days=20)
        with sessions.begin() as session:
            new = keys.rotate(session, old.id, timedelta(days=2), "cli:x", later)
        with sessions() as session:
            by_id = {key.id: key for key in keys.listed(session)}
            for at, open_ids in (
                (later, {old.id, new.id}),
                (later + timedelta(days=1), {old.id, new.id}),
                (later + timedelta(days=2), {new.id}),
                (later + timedelta(days=30), set()),
            ):
                assert set(keys.usable(session, at)) == open_ids
        assert by_id[new.id].replaces == old.id
        assert by_id[new.id].scopes == by_id[old.id].scopes
        assert by_id[new.id].expires_at == later + timedelta(days=30)


def test_rotation_does_not_lengthen_a_life(database_url: str) -> None:
    with opened(database_url) as (_, sessions):
        with sessions.begin() as session:
            old = keys.create(session, WISH, "cli:x", NOW)
        with sessions.begin() as session:
            keys.rotate(session, old.id, timedelta(days=90), "cli:x", NOW)
        with sessions() as session:
            (row,) = [key for key in keys.listed(session) if key.id == old.id]
            assert row.expires_at == WISH.expires_at


def test_revoked_at_once_and_only_once(database_url: str) -> None:
    with opened(database_url) as (_, sessions):
        with sessions.begin() as session:
            minted = keys.create(session, WISH, "cli:x", NOW)
        for _ in range(2):
            with sessions.begin() as session:
                keys.revoke(session, minted.id, "lost", "cli:x", NOW)
        with sessions() as session:
            assert keys.usable(session, NOW) == {}
            assert [e.action for e in audit.entries(session)] == ["key.created", "key.revoked"]
        with pytest.raises(ConflictError), sessions.begin() as session:
            keys.rotate(session, minted.id, timedelta(), "cli:x", NOW)
        with pytest.raises(NotFoundError), sessions.begin() as session:
            keys.revoke(session, "none", "lost", "cli:x", NOW)


def test_last_use_is_kept(database_url: str) -> None:
    with opened(database_url) as (_, sessions):
        with sessions.begin() as session:
            minted = keys.create(session, WISH, "cli:x", NOW)
        with sessions.begin() as session:
            keys.touch(session, {minted.id: NOW, "gone": NOW})
        with sessions() as session:
            assert keys.listed(session)[0].last_used_at == NOW


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (keys.Wish("", WISH.scopes), "name"),
        (keys.Wish("n" * 65, WISH.scopes), "name"),
        (keys.Wish("n", frozenset()), "scopes"),
        (keys.Wish("n", WISH.scopes, department="cards"), "scopes"),
        (keys.Wish("n", frozenset(), department=""), "department"),
        (keys.Wish("n", frozenset(), department="d" * 49), "department"),
        (keys.Wish("n", WISH.scopes, NOW), "expires_at"),
        (keys.Wish("n", WISH.scopes, None, 0), "rate"),
    ],
)
def test_bad_wishes_are_named(sqlite_url: str, wish: keys.Wish, field: str) -> None:
    with opened(sqlite_url) as (_, sessions), sessions() as session:
        with pytest.raises(InputError) as caught:
            keys.create(session, wish, "cli:x", NOW)
        assert caught.value.field == field


def test_unknown_scopes_are_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="intake, review, admin, audit"):
        keys.scopes_of(["intake", "root"])
