"""In by the form, out again, and slower with every failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from serving.store import users
from serving.store.rows.web import SessionRow
from tests.web import kit
from tests.web.kit import PASSWORD

WRONG = "账号或密码不正确"


@pytest.fixture
def web(web: TestClient) -> TestClient:
    kit.reset(web)
    kit.add(web, "liling", "reviewer", password=PASSWORD)
    return web


def cookie(answer: Any, name: str) -> str:
    headers: list[str] = answer.headers.get_list("set-cookie")
    return next(header for header in headers if header.startswith(f"{name}="))


def test_in_and_out(web: TestClient) -> None:
    browser = kit.visitor(web)
    answer = browser.sign_in(" LiLing ", wanted="/ui/account?tab=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/account?tab=1")
    said = cookie(answer, "suda_session").lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "; secure" not in said
    assert "李玲" in browser.load("/ui/account")
    left = browser.post("/ui/signout")
    assert left.status_code == 303, left.text[-1500:]
    assert left.headers["location"] == "/ui/signin"
    assert browser.get("/ui/account").status_code == 303
    actions = kit.recorded(web, "signin.succeeded", "session.signed_out")
    assert actions == [
        ("user:liling", "signin.succeeded", "user:liling"),
        ("user:liling", "session.signed_out", "user:liling"),
    ]


def test_the_stolen_cookie_of_a_session_that_ended_is_worth_nothing(web: TestClient) -> None:
    browser = kit.visitor(web)
    browser.sign_in("liling")
    stolen = browser.client.cookies["suda_session"]
    browser.load("/ui/account")
    browser.post("/ui/signout")
    thief = kit.visitor(web)
    thief.client.cookies.set("suda_session", stolen)
    assert thief.get("/ui/account").status_code == 303


def test_the_token_is_new_at_every_sign_in_and_not_in_the_store(web: TestClient) -> None:
    first, second = kit.visitor(web), kit.visitor(web)
    second.client.cookies.set("suda_session", "fixed-by-an-attacker")
    for browser in (first, second):
        browser.sign_in("liling")
    tokens = {first.client.cookies["suda_session"]}
    tokens |= {c.value or "" for c in second.client.cookies.jar if c.name == "suda_session"}
    with kit.application(web).state.sessions() as session:
        kept = {row.id for row in session.query(SessionRow)}
    assert len(kept) == 2
    assert not tokens & kept


def test_over_tls_the_cookie_is_for_tls_and_this_host_only(web: TestClient) -> None:
    browser = kit.visitor(web)
    browser.client.base_url = "https://testserver"  # type: ignore[assignment]
    said = cookie(browser.sign_in("liling"), "__Host-suda_session")
    assert "; secure" in said.lower()
    assert "path=/;" in said.lower()
    assert browser.get("/ui/account").status_code == 200


@pytest.mark.parametrize(
    ("login", "password"), [("liling", "wrong"), ("nobody", PASSWORD), ("", "")]
)
def test_refusals_look_the_same(web: TestClient, login: str, password: str) -> None:
    browser = kit.visitor(web)
    answer = browser.sign_in(login, password)
    assert answer.status_code == 401
    assert WRONG in answer.text
    assert not [h for h in answer.headers.get_list("set-cookie") if "suda_session" in h]


def test_who_does_not_exist_costs_a_hash_too(
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uniform in time: the same work is done, whatever the login."""
    from serving.security import passwords
    from serving.web import entrance

    asked: list[bool] = []
    real = passwords.verified

    def counted(kept: str | None, password: str) -> bool:
        asked.append(kept is None)
        return real(kept, password)

    monkeypatch.setattr(entrance, "verified", counted)
    for login in ("liling", "nobody"):
        kit.visitor(web).sign_in(login, "wrong")
    assert asked == [False, True]


@pytest.mark.parametrize("login", ["liling", "nobody"])
def test_five_failures_lock_known_and_unknown_logins_alike(web: TestClient, login: str) -> None:
    browser = kit.visitor(web)
    for _ in range(5):
        assert browser.sign_in(login, "wrong").status_code == 401
    answer = browser.sign_in(login, PASSWORD)
    assert answer.status_code == 429
    assert "尝试次数过多" in answer.text
    assert 0 < int(answer.headers["retry-after"]) <= 30
    locked = kit.recorded(web, "signin.locked")
    subject = "user:liling" if login == "liling" else "address:testclient"
    assert [entry[2] for entry in locked] == [subject]


def test_each_further_failure_waits_twice_as_long(web: TestClient) -> None:
    entrance_at = [datetime.now(UTC)]
    browser = kit.visitor(web)
    browser.sign_in("liling", "wrong")
    state = kit.application(web).state
    state.entrance._clock = lambda: entrance_at[0]
    waits = []
    for _ in range(9):
        answer = browser.sign_in("liling", "wrong")
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            entrance_at[0] += timedelta(seconds=waits[-1])
    assert waits == [30, 60, 120][: len(waits)]
    assert len(waits) >= 2
    assert browser.sign_in("liling").status_code in (303, 429)


def test_the_right_password_forgets_the_failures(web: TestClient) -> None:
    browser = kit.visitor(web)
    for _ in range(3):
        for _ in range(4):
            browser.sign_in("liling", "wrong")
        assert kit.visitor(web).sign_in("liling").status_code == 303


def test_an_address_that_guesses_many_logins_is_locked(web: TestClient) -> None:
    from serving.store import attempts

    now = datetime.now(UTC)
    with kit.application(web).state.sessions.begin() as session:
        for _ in range(30):
            attempts.failed(session, attempts.of_address("testclient"), now)
    assert kit.visitor(web).sign_in("liling").status_code == 429


def test_what_was_typed_as_a_login_is_kept_nowhere(web: TestClient) -> None:
    kit.visitor(web).sign_in("my-secret-password", "liling")
    with kit.application(web).state.sessions() as session:
        for table in ("audit_log", "web_attempts", "web_sessions"):
            rows = session.execute(select(text("*")).select_from(text(table))).all()
            assert "my-secret-password" not in str(rows)


def test_who_was_disabled_is_out_at_once(web: TestClient) -> None:
    browser = kit.visitor(web)
    browser.sign_in("liling")
    kit.add(web, "boss", "admin")
    with kit.application(web).state.sessions.begin() as session:
        row = users.by_login(session, "liling")
        assert row is not None
        users.disable(session, row.id, "tests", datetime.now(UTC))
    assert browser.get("/ui/account").status_code == 303
    assert kit.visitor(web).sign_in("liling").status_code == 401


def test_the_form_of_another_browser_signs_nobody_in(web: TestClient) -> None:
    """Nobody is to be signed in, without knowing, as somebody else."""
    attacker, victim = kit.visitor(web), kit.visitor(web)
    attacker.load("/ui/signin")
    victim.load("/ui/signin")
    victim.csrf = attacker.csrf
    answer = victim.post("/ui/signin", login="liling", password=PASSWORD)
    assert answer.status_code == 403
    assert "suda_session" not in victim.client.cookies


def test_afterwards_it_goes_to_our_own_pages_only(web: TestClient) -> None:
    for wanted, goes in (("/ui/queue?page=2", "/ui/queue?page=2"), ("//evil.example/ui", "/ui")):
        assert kit.visitor(web).sign_in("liling", wanted=wanted).headers["location"] == goes


def test_a_page_one_may_not_see_yet_is_come_back_to(web: TestClient) -> None:
    browser = kit.visitor(web)
    away = browser.get("/ui/account?x=1&y=投诉")
    login = browser.get(away.headers["location"]).text
    assert 'name="next" value="/ui/account?x=1&amp;y=%E6%8A%95%E8%AF%89"' in login


def test_who_is_in_needs_no_form(web: TestClient) -> None:
    browser = kit.visitor(web)
    browser.sign_in("liling")
    assert browser.get("/ui/signin?next=/ui/account").headers["location"] == "/ui/account"


def test_idle_and_old_sessions_end(web: TestClient) -> None:
    state = kit.application(web).state
    for column, past in (
        ("seen_at", state.web_lifetime.idle),
        ("expires_at", timedelta(seconds=0)),
    ):
        browser = kit.visitor(web)
        browser.sign_in("liling")
        assert browser.get("/ui/account").status_code == 200
        with state.sessions.begin() as session:
            then = datetime.now(UTC) - past - timedelta(seconds=1)
            session.query(SessionRow).update({column: then})
        assert browser.get("/ui/account").status_code == 303, column


def test_polls_keep_no_session_alive(web: TestClient) -> None:
    browser = kit.visitor(web)
    browser.sign_in("liling")
    state = kit.application(web).state
    then = datetime.now(UTC) - timedelta(minutes=10)

    def seen() -> datetime:
        with state.sessions() as session:
            found: datetime = session.query(SessionRow).one().seen_at
            return found

    with state.sessions.begin() as session:
        session.query(SessionRow).update({"seen_at": then})
    assert browser.get("/ui/account", **{"X-Suda-Background": "1"}).status_code == 200
    assert seen() == then
    browser.get("/ui/account")
    assert seen() > then
