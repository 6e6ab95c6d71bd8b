"""Administrators and the people who may sign in."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from serving.store import users
from tests.web import kit
from tests.web.kit import PASSWORD

LIST = "/ui/admin/users"


@pytest.fixture
def web(web: TestClient) -> TestClient:
    kit.reset(web)
    return web


@pytest.fixture
def admin(web: TestClient) -> kit.Browser:
    return kit.signed_in(web, "admin", "boss")


def id_of(web: TestClient, login: str) -> str:
    with kit.application(web).state.sessions() as session:
        row = users.by_login(session, login)
        assert row is not None
        return row.id


def add(admin: kit.Browser, **given: str) -> object:
    form = {"login": "wang", "name": "王建国", "role": "reviewer", **given}
    return admin.post(LIST, **form)


def password_in(text: str) -> str:
    found = re.search(r'<code class="secret">([^<]+)</code>', text)
    assert found is not None
    return found[1]


def test_somebody_is_added_with_a_password_shown_once(web: TestClient, admin: kit.Browser) -> None:
    answer = admin.post(LIST, login="Wang", name="王建国", role="lead", branch="001")
    password = password_in(answer.text)
    assert password not in admin.get(LIST).text
    assert "王建国" in admin.get(LIST).text
    browser = kit.visitor(web)
    assert browser.sign_in("wang", password).headers["location"] == "/ui/account"
    assert kit.recorded(web, "user.added") == [
        ("tests", "user.added", "user:boss"),
        ("user:boss", "user.added", "user:wang"),
    ]


WRONG = (
    ({"login": "王"}, 422, "账号应为"),
    ({"login": "w"}, 422, "账号应为"),
    ({"login": "-wang"}, 422, "账号应为"),
    ({"name": " "}, 422, "姓名应为"),
    ({"role": "root"}, 422, "请选择角色"),
    ({"branch": "x" * 65}, 422, "机构代码过长"),
    ({"login": "boss"}, 409, "该账号已存在"),
)


@pytest.mark.parametrize(("given", "status", "said"), WRONG)
def test_what_is_wrong_is_said(
    admin: kit.Browser, given: dict[str, str], status: int, said: str
) -> None:
    form = {"login": "wang", "name": "王建国", "role": "reviewer", **given}
    answer = admin.post(LIST, **form)
    assert answer.status_code == status
    assert said in answer.text


def test_a_new_role_ends_the_sessions(web: TestClient, admin: kit.Browser) -> None:
    user = kit.add(web, "wang", "lead")
    browser = kit.session_for(web, user.id)
    assert browser.get("/ui/account").status_code == 200
    admin.post(f"{LIST}/{user.id}", name="王建国", role="lead")
    assert browser.get("/ui/account").status_code == 200, "a new name only"
    admin.post(f"{LIST}/{user.id}", name="王建国", role="reviewer")
    assert browser.get("/ui/account").status_code == 303


def test_disabled_and_enabled(web: TestClient, admin: kit.Browser) -> None:
    user = kit.add(web, "wang", "lead", password=PASSWORD)
    browser = kit.session_for(web, user.id)
    admin.post(f"{LIST}/{user.id}/disable")
    assert browser.get("/ui/account").status_code == 303
    assert kit.visitor(web).sign_in("wang").status_code == 401
    assert "已停用" in admin.get(f"{LIST}/{user.id}").text
    admin.post(f"{LIST}/{user.id}/enable")
    assert kit.visitor(web).sign_in("wang").status_code == 303
    assert kit.recorded(web, "user.disabled", "user.enabled") == [
        ("user:boss", "user.disabled", "user:wang"),
        ("user:boss", "user.enabled", "user:wang"),
    ]


def test_the_last_administrator_stays(web: TestClient, admin: kit.Browser) -> None:
    boss = id_of(web, "boss")
    for path, form in (("disable", {}), ("", {"name": "张伟", "role": "lead"})):
        answer = admin.post(f"{LIST}/{boss}/{path}".rstrip("/"), **form)
        assert answer.status_code == 409
        assert "至少要保留一名" in answer.text
    assert admin.get(LIST).status_code == 200
    kit.add(web, "second", "admin")
    assert admin.post(f"{LIST}/{boss}/disable").status_code == 303


def test_a_reset_password_must_be_changed(web: TestClient, admin: kit.Browser) -> None:
    user = kit.add(web, "wang", "lead", password=PASSWORD)
    browser = kit.session_for(web, user.id)
    for _ in range(5):
        kit.visitor(web).sign_in("wang", "wrong")
    password = password_in(admin.post(f"{LIST}/{user.id}/reset").text)
    assert browser.get("/ui/account").status_code == 303
    assert kit.visitor(web).sign_in("wang", password).headers["location"] == "/ui/account"


def test_a_lock_is_shown_and_taken_away(web: TestClient, admin: kit.Browser) -> None:
    user = kit.add(web, "wang", "lead", password=PASSWORD)
    for _ in range(5):
        kit.visitor(web).sign_in("wang", "wrong")
    assert "已锁定" in admin.get(LIST).text
    assert kit.visitor(web).sign_in("wang").status_code == 429
    admin.post(f"{LIST}/{user.id}/unlock")
    assert "已锁定" not in admin.get(LIST).text
    assert kit.visitor(web).sign_in("wang").status_code == 303
    assert kit.recorded(web, "user.unlocked") == [("user:boss", "user.unlocked", "user:wang")]


def test_signed_out_everywhere(web: TestClient, admin: kit.Browser) -> None:
    user = kit.add(web, "wang", "lead")
    browsers = [kit.session_for(web, user.id) for _ in range(2)]
    admin.post(f"{LIST}/{user.id}/sessions/end")
    assert [b.get("/ui/account").status_code for b in browsers] == [303, 303]


def test_the_search_gives_htmx_the_rows_alone(web: TestClient, admin: kit.Browser) -> None:
    kit.add(web, "wang", "lead")
    kit.add(web, "wu", "auditor")
    headers = {"HX-Request": "true", "HX-Target": "users"}
    rows = admin.get(f"{LIST}?q=Wan", **headers).text
    assert "wang" in rows
    assert ">wu<" not in rows
    assert "<html" not in rows
    assert "<form" not in rows
    assert "没有符合条件的用户" in admin.get(f"{LIST}?q=zzz", **headers).text


def test_an_auditor_sees_no_buttons(web: TestClient) -> None:
    auditor = kit.signed_in(web, "auditor")
    user = kit.add(web, "wang", "lead")
    for path in (LIST, f"{LIST}/{user.id}"):
        text = auditor.get(path).text
        assert "wang" in text
        assert "添加用户" not in text
        assert "停用" not in text


def test_nobody_is_nobody(admin: kit.Browser) -> None:
    assert admin.get(f"{LIST}/none").status_code == 404
    assert admin.post(f"{LIST}/none/disable").status_code == 404


def test_names_are_not_markup(web: TestClient, admin: kit.Browser) -> None:
    admin.post(LIST, login="evil", name="<script>alert(1)</script>", role="lead")
    user = id_of(web, "evil")
    for path in (LIST, f"{LIST}/{user}"):
        assert "<script>alert" not in admin.get(path).text
