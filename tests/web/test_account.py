"""One's own password and sessions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from serving.security.passwords import hashed
from serving.store import users
from serving.store.rows.web import SessionRow
from tests.web import kit
from tests.web.kit import PASSWORD

NEW = "three-otters-on-a-raft"


@pytest.fixture
def web(web: TestClient) -> TestClient:
    kit.reset(web)
    kit.add(web, "liling", "reviewer", password=PASSWORD)
    return web


@pytest.fixture
def browser(web: TestClient) -> kit.Browser:
    browser = kit.visitor(web)
    browser.sign_in("liling")
    browser.load("/ui/account")
    return browser


def change(browser: kit.Browser, old: str, new: str, again: str | None = None) -> object:
    return browser.post(
        "/ui/account/password", old=old, new=new, again=new if again is None else again
    )


WRONG = (
    ("nonsense-wrong", NEW, NEW, "原密码不正确"),
    (PASSWORD, NEW, NEW + "x", "两次输入的新密码不一致"),
    (PASSWORD, PASSWORD, PASSWORD, "新密码不能与原密码相同"),
    (PASSWORD, "short", "short", "密码长度应为 12 至 128 个字符"),
    (PASSWORD, "liling-and-otters", "liling-and-otters", "密码不能包含账号或姓名"),
    (PASSWORD, "Qwertyuiop123456", "Qwertyuiop123456", "密码过于常见"),
)


@pytest.mark.parametrize(("old", "new", "again", "said"), WRONG)
def test_what_is_wrong_is_said(
    browser: kit.Browser, old: str, new: str, again: str, said: str
) -> None:
    answer = browser.post("/ui/account/password", old=old, new=new, again=again)
    assert answer.status_code == 422
    assert said in answer.text
    assert NEW not in answer.text


def test_a_new_password_ends_every_other_session(web: TestClient, browser: kit.Browser) -> None:
    elsewhere = kit.visitor(web)
    elsewhere.sign_in("liling")
    before = browser.client.cookies["suda_session"]
    answer = browser.post("/ui/account/password", old=PASSWORD, new=NEW, again=NEW)
    assert answer.headers["location"] == "/ui/account"
    assert browser.client.cookies["suda_session"] != before
    assert "密码已修改" in browser.load("/ui/account")
    assert "密码已修改" not in browser.load("/ui/account")
    assert elsewhere.get("/ui/account").status_code == 303
    assert kit.visitor(web).sign_in("liling").status_code == 401
    assert kit.visitor(web).sign_in("liling", NEW).status_code == 303
    assert kit.recorded(web, "user.password_changed")[-1][0] == "user:liling"


def test_an_unattended_browser_cannot_guess_the_password(browser: kit.Browser) -> None:
    for _ in range(5):
        change(browser, "a guess", NEW)
    answer = browser.post("/ui/account/password", old=PASSWORD, new=NEW, again=NEW)
    assert "尝试次数过多" in answer.text


def test_a_password_set_by_somebody_else_is_changed_first(web: TestClient) -> None:
    now = datetime.now(UTC)
    with kit.application(web).state.sessions.begin() as session:
        users.add(session, users.Person("new", "新人", "lead"), hashed(PASSWORD), "tests", now)
    browser = kit.visitor(web)
    assert browser.sign_in("new", wanted="/ui/_styles").headers["location"] == "/ui/account"
    for path in ("/ui", "/ui/_styles", "/ui/admin/users"):
        assert browser.get(path).headers["location"] == "/ui/account"
    assert "请先修改密码" in browser.load("/ui/account")
    assert (
        browser.post("/ui/account/password", old=PASSWORD, new=NEW, again=NEW).headers["location"]
        == "/ui"
    )
    assert browser.get("/ui/account").status_code == 200
    assert browser.get("/ui/_styles").status_code == 403


def test_sessions_are_listed_and_ended(web: TestClient, browser: kit.Browser) -> None:
    others = [kit.visitor(web) for _ in range(3)]
    for other in others:
        other.sign_in("liling")
    text = browser.load("/ui/account")
    assert text.count("testclient") >= 4
    assert text.count("本机") == 2  # the badge, and the question of the button
    with kit.application(web).state.sessions() as session:
        ids = [row.id for row in session.query(SessionRow).order_by(SessionRow.created_at)]
    assert browser.post(f"/ui/account/sessions/{ids[1]}/end").status_code == 303
    assert [other.get("/ui/account").status_code for other in others] == [303, 200, 200]
    assert browser.post(f"/ui/account/sessions/{ids[1]}/end").status_code == 404
    browser.post("/ui/account/sessions/end-others")
    assert [other.get("/ui/account").status_code for other in others] == [303, 303, 303]
    assert browser.get("/ui/account").status_code == 200


def test_nobody_ends_the_sessions_of_others(web: TestClient, browser: kit.Browser) -> None:
    victim = kit.signed_in(web, "admin")
    with kit.application(web).state.sessions() as session:
        ids = [row.id for row in session.query(SessionRow)]
    for session_id in ids:
        browser.post(f"/ui/account/sessions/{session_id}/end")
    assert victim.get("/ui/admin/users").status_code == 200
