"""People who may sign in, their sessions and flows, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from data.errors import ConflictError, InputError, NotFoundError
from serving.store import audit, flows, sessions, users
from serving.store.rows.web import SessionRow
from serving.store.sessions import Lifetime, Visit
from serving.store.store import Store
from serving.store.users import Person

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
HOLDS = Lifetime(timedelta(minutes=30), timedelta(hours=12))
VISIT = Visit("10.0.0.1", "Firefox" * 100)


def add(store: Store, login: str = "zhang", role: str = "admin") -> str:
    with store.session.begin() as session:
        person = Person(login, "张伟", users.role_of(role))
        return users.add(session, person, "hash", "tests", NOW).id


def start(store: Store, user_id: str) -> str:
    with store.session.begin() as session:
        return sessions.start(session, user_id, VISIT, HOLDS, NOW)[0]


def found(store: Store, token: str, at: datetime = NOW) -> sessions.WebSession | None:
    with store.session.begin() as session:
        return sessions.find(session, token, HOLDS, at)


def test_a_session_opens_with_its_token_only(store: Store) -> None:
    token = start(store, add(store))
    session = found(store, token)
    assert session is not None
    assert (session.user.login, session.user.must_change) == ("zhang", True)
    assert session.id != token
    assert len(session.csrf) == 43
    assert found(store, session.id) is None
    assert found(store, "") is None


def test_idle_and_absolute_ends(store: Store) -> None:
    user = add(store)
    assert found(store, start(store, user), NOW + timedelta(minutes=31)) is None
    token = start(store, user)
    for minutes in range(20, 12 * 60, 20):
        assert found(store, token, NOW + timedelta(minutes=minutes)) is not None
    assert found(store, token, NOW + timedelta(hours=12)) is None


def test_what_is_old_is_swept(store: Store) -> None:
    user = add(store)
    start(store, user)
    with store.session.begin() as session:
        sessions.start(session, user, VISIT, HOLDS, NOW + timedelta(days=2))
    with store.session() as session:
        assert session.query(SessionRow).count() == 1


def test_ended_one_by_one_and_all_but_one(store: Store) -> None:
    user, other = add(store), add(store, "wang", "lead")
    tokens = [start(store, user) for _ in range(3)]
    theirs = start(store, other)
    ids = [sessions.digest(token) for token in tokens]
    with store.session.begin() as session:
        assert not sessions.end(session, ids[0], other)
        assert sessions.end(session, ids[0], user)
        assert sessions.end_all(session, user, but=ids[1]) == 1
    assert [found(store, t) is not None for t in (*tokens, theirs)] == [False, True, False, True]


def test_disabled_users_have_no_sessions_and_get_none(store: Store) -> None:
    add(store)
    user = add(store, "wang", "lead")
    token = start(store, user)
    with store.session.begin() as session:
        users.disable(session, user, "tests", NOW)
        users.disable(session, user, "tests", NOW)
    assert found(store, token) is None
    assert found(store, start(store, user)) is None
    with store.session() as session:
        recorded = [entry.action for entry in audit.entries(session)]
    assert recorded.count("user.disabled") == 1


def test_a_login_is_taken_once(store: Store) -> None:
    add(store)
    with pytest.raises(ConflictError, match="login: is taken"):
        add(store)


@pytest.mark.parametrize("login", ["", "a", "Zhang", "张伟", "-zhang", "zhang wei", "z" * 65])
def test_logins_out_of_form_are_refused(store: Store, login: str) -> None:
    with pytest.raises(InputError, match="login"):
        add(store, login)


def test_unknown_roles_and_users_are_named(store: Store) -> None:
    with pytest.raises(InputError, match="expected reviewer, lead, admin, auditor"):
        users.role_of("root")
    with store.session() as session, pytest.raises(NotFoundError):
        users.account(session, "none")


def test_two_administrators_cannot_disable_each_other_at_once(store: Store) -> None:
    """Each sees the other while neither has committed: one of them must fail."""
    ids = [add(store, "zhang"), add(store, "wang")]
    barrier, results = threading.Barrier(2, timeout=30), []

    def disable(user_id: str) -> None:
        try:
            barrier.wait()
            with store.session.begin() as session:
                users.disable(session, user_id, "tests", NOW)
            results.append("disabled")
        except ConflictError:
            results.append("refused")

    threads = [threading.Thread(target=disable, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == ["disabled", "refused"]


def test_a_flow_is_taken_once_and_in_time(store: Store) -> None:
    with store.session.begin() as session:
        token, flow = flows.begin(session, "/ui/queue", NOW)
        late, _ = flows.begin(session, "/ui", NOW)
    with store.session.begin() as session:
        assert flows.take(session, "guessed", NOW) is None
        assert flows.take(session, token, NOW) == flow
        assert flows.take(session, token, NOW) is None
        assert flows.take(session, late, NOW + flows.LIFETIME) is None
    assert len({flow.state, flow.nonce, flow.verifier}) == 3


def test_the_search_takes_signs_as_they_are(store: Store) -> None:
    add(store)
    add(store, "wang_wu", "lead")
    with store.session() as session:
        assert [a.user.login for a in users.listed(session, "WANG")] == ["wang_wu"]
        assert len(users.listed(session, "张伟")) == 2
        assert users.listed(session, "zzz%") == []
