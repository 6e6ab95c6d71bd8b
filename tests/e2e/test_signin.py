"""Signing in as people do it: keyboard, lock-out, lost session, roles, light and dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from serving.store import attempts
from serving.store.rows.web import SessionRow
from tests.e2e.browsing import Theme, Visitor, assert_accessible, screenshot, sign_in
from tests.e2e.site import PASSWORD, PEOPLE, Site

USERS = "/ui/admin/users"


@pytest.fixture(autouse=True)
def nothing_failed_yet(site: Site) -> None:
    with site.session() as session:
        for login in PEOPLE:
            attempts.forgive(session, attempts.of_login(login))
        attempts.forgive(session, attempts.of_address("127.0.0.1"))


def in_dark(page: Page) -> bool:
    colour = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) < 200


def test_the_form_by_keyboard_alone(browser_page: Visitor) -> None:
    page = browser_page()
    page.goto(USERS)
    expect(page).to_have_url(re.compile(r"/ui/signin\?next=/ui/admin/users"))
    assert_accessible(page)
    screenshot(page, "signin")
    # The cursor is in the form already.
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{USERS}$"))
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("跳到正文")
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_a_wrong_password_is_said_and_the_login_kept(browser_page: Visitor) -> None:
    page = browser_page()
    sign_in(page, "lead", "wrong")
    expect(page.get_by_role("alert")).to_have_text("账号或密码不正确")
    expect(page.get_by_label("账号")).to_have_value("lead")
    expect(page.get_by_label("密码")).to_be_focused()
    assert_accessible(page)
    screenshot(page, "signin-wrong")


def test_five_failures_lock_even_the_right_password(browser_page: Visitor) -> None:
    page = browser_page()
    for _ in range(5):
        sign_in(page, "reviewer2", "wrong")
    sign_in(page, "reviewer2")
    expect(page.get_by_role("alert")).to_contain_text("尝试次数过多")
    admin = browser_page("admin")
    admin.goto(USERS)
    expect(admin.get_by_role("row", name="王建国")).to_contain_text("已锁定")
    admin.get_by_role("link", name="王建国").click()
    screenshot(admin, "user-locked")
    admin.get_by_role("button", name="解除锁定").click()
    expect(admin.get_by_role("status")).to_contain_text("已解除锁定")
    sign_in(page, "reviewer2")
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()


def test_a_session_lost_under_htmx_leads_to_the_sign_in_and_back(
    browser_page: Visitor, site: Site
) -> None:
    page = browser_page("admin")
    page.goto(USERS)
    with site.session() as session:
        session.query(SessionRow).delete()
    page.get_by_label("账号或姓名").fill("wang")
    expect(page).to_have_url(re.compile(r"/ui/signin\?next="))
    page.get_by_label("账号").fill("admin")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="用户")).to_be_visible()


def test_the_list_is_searched_while_typing(browser_page: Visitor) -> None:
    page = browser_page("admin")
    page.goto(USERS)
    expect(page.get_by_role("row", name="赵敏")).to_be_visible()
    page.get_by_label("账号或姓名").press_sequentially("李")
    expect(page.get_by_role("row", name="赵敏")).to_have_count(0)
    expect(page.get_by_role("row", name="李玲")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?q="))
    page.reload()
    expect(page.get_by_role("row", name="赵敏")).to_have_count(0)


def test_roles_see_what_is_theirs(browser_page: Visitor) -> None:
    for role, sees in (("reviewer", False), ("lead", False), ("auditor", True), ("admin", True)):
        page = browser_page(role)
        answer = page.goto(USERS)
        assert answer is not None
        assert answer.status == (200 if sees else 403)
        if not sees:
            expect(page.get_by_role("heading", name="没有权限")).to_be_visible()
        links = page.get_by_role("navigation", name="主导航")
        expect(links.get_by_role("link", name="管理")).to_have_count(1 if sees else 0)
        buttons = page.get_by_role("button", name="添加用户")
        expect(buttons).to_have_count(1 if role == "admin" else 0)


def test_somebody_is_added_and_changes_the_password(browser_page: Visitor) -> None:
    admin = browser_page("admin")
    admin.goto(USERS)
    admin.get_by_role("button", name="添加用户").click()
    dialog = admin.get_by_role("dialog", name="添加用户")
    expect(dialog).to_be_visible()
    assert_accessible(admin)
    screenshot(admin, "user-add")
    dialog.get_by_label("账号").fill("sunli")
    dialog.get_by_label("姓名").fill("孙丽")
    dialog.get_by_role("button", name="添加").click()
    password = admin.locator(".secret").inner_text()
    page = browser_page()
    sign_in(page, "sunli", password)
    expect(page).to_have_url(re.compile("/ui/account"))
    assert_accessible(page)
    screenshot(page, "account-first")
    page.get_by_label("原密码").fill(password)
    page.locator("#f-new").fill("three-otters-on-a-raft")
    page.locator("#f-again").fill("three-otters-on-a-raft")
    page.get_by_role("button", name="修改密码").click()
    expect(page.get_by_role("status")).to_contain_text("密码已修改")


def test_a_question_before_what_cannot_be_taken_back(browser_page: Visitor) -> None:
    page = browser_page("admin")
    page.goto(USERS)
    page.get_by_role("link", name="李玲").click()
    page.get_by_role("button", name="停用").click()
    question = page.locator("#confirm")
    expect(question).to_contain_text("停用李玲？")
    expect(page.get_by_role("button", name="确定")).to_be_focused()
    screenshot(page, "confirm")
    page.keyboard.press("Escape")
    expect(question).not_to_be_visible()
    expect(page.get_by_text("该用户已停用")).to_have_count(0)
    page.get_by_role("button", name="停用").click()
    page.keyboard.press("Enter")
    expect(page.get_by_text("该用户已停用")).to_be_visible()
    page.get_by_role("button", name="启用").click()
    expect(page.get_by_role("status")).to_contain_text("已启用")


def test_light_and_dark(browser_page: Visitor) -> None:
    page = browser_page("lead", theme="dark")
    assert in_dark(page)
    switch = page.get_by_role("button", name="切换明暗")
    switch.click()
    assert not in_dark(page), "light, whatever the system says"
    page.reload()
    assert not in_dark(page), "it is remembered"
    switch.click()
    assert in_dark(page)
    expect(switch).to_have_attribute("aria-label", "切换明暗，当前：深色")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_component_is_accessible_in_both(browser_page: Visitor, theme: Theme) -> None:
    page = browser_page("admin", theme=theme)
    page.goto("/ui/_styles")
    assert_accessible(page)
    page.get_by_role("button", name="打开对话框").click()
    expect(page.get_by_role("dialog", name="示例对话框")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="示例对话框")).not_to_be_visible()
    if theme == "light":
        screenshot(page, "styles", full=True)


def test_the_frame_at_its_best_and_at_a_loss(browser_page: Visitor) -> None:
    page = browser_page("admin")
    for path, name in (("/ui/account", "account"), (USERS, "users"), ("/ui/nowhere", "error")):
        page.goto(path)
        assert_accessible(page)
        screenshot(page, name)
    page.emulate_media(color_scheme="dark")
    for path in ("/ui/account", USERS, "/ui/nowhere"):
        page.goto(path)
        assert_accessible(page)


def test_a_second_visit_loads_the_page_alone(browser_page: Visitor) -> None:
    page = browser_page("admin")
    page.goto("/ui/_styles")
    page.wait_for_load_state("networkidle")
    fetched: list[int] = []

    def count(response: object) -> None:
        if not response.from_service_worker:  # type: ignore[attr-defined]
            sizes = response.request.sizes()  # type: ignore[attr-defined]
            fetched.append(sizes["responseBodySize"])

    page.on("requestfinished", lambda request: count(request.response()))
    page.goto("/ui/_styles")
    page.wait_for_load_state("networkidle")
    assert sum(fetched) < 300_000, fetched


def test_signing_out_shuts_the_door(browser_page: Visitor) -> None:
    page = browser_page("lead")
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("status")).to_contain_text("已退出登录")
    page.goto("/ui/account")
    expect(page).to_have_url(re.compile("/ui/signin"))
    page.go_back()
    expect(page.get_by_role("button", name="退出登录")).to_have_count(0)
