"""The frame around pages: fragments, messages, headers, failures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from jinja2 import UndefinedError

from data.errors import ConflictError, NotReadyError
from serving.api.app import create_app
from serving.web import frame, rendering
from serving.web.auth import Reviewer
from serving.web.errors import PageError
from serving.web.frame import Notice, audited, page, redirect, router_for, tell
from tests.web import kit

SECRET = "冯玉兰的卡号"


def failing(app: FastAPI) -> None:
    """Pages that go wrong in every way."""
    router = router_for("/_tests")

    @router.get("/broken")
    async def broken(_: Reviewer) -> Response:
        raise RuntimeError(SECRET)

    @router.get("/away")
    async def away(_: Reviewer) -> Response:
        raise NotReadyError("the database is away")

    @router.get("/said")
    async def said(_: Reviewer) -> Response:
        raise PageError("该投诉已由他人处理", status=409)

    @router.get("/conflict")
    async def conflict(_: Reviewer) -> Response:
        raise ConflictError("changed meanwhile", field="version")

    @router.get("/number")
    async def number(_: Reviewer, n: int) -> dict[str, int]:
        return {"n": n}

    @router.post("/reveal")
    async def reveal(request: Request, _: Reviewer) -> Response:
        await audited(request, "complaint.revealed", "complaint:1", why="核对")
        return tell(Response(), Notice("已显示“原文” \\ é 😀"))

    @router.post("/go")
    async def go(request: Request, _: Reviewer) -> Response:
        return redirect(request, "/ui/account", Notice("已保存；“好”", "warn"))

    @router.get("/page")
    async def plain(request: Request, _: Reviewer) -> Response:
        return page(request, "home.html", notice=Notice("看这里"))

    app.include_router(router)


@pytest.fixture(scope="module")
def web(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    given = kit.settings(mood_bundle, tmp_path_factory.mktemp("web"))
    app = create_app(given)
    failing(app)
    with kit.opened(given, app) as client:
        yield client


@pytest.fixture(scope="module")
def browser(web: TestClient) -> kit.Browser:
    return kit.signed_in(web, "reviewer")


HTMX = {"HX-Request": "true"}


def test_the_whole_page_and_the_fragment(browser: kit.Browser) -> None:
    whole = browser.get("/ui/_tests/page").text
    assert whole.startswith("<!doctype html>")
    assert "看这里" in whole
    part = browser.get("/ui/_tests/page", **HTMX)
    assert "<html" not in part.text
    assert "暂无可用页面" in part.text
    assert "<title>工作台 · 诉达</title>" in part.text
    assert "\\u770b\\u8fd9\\u91cc" in part.headers["hx-trigger"]
    rebuilt = browser.get("/ui/_tests/page", **HTMX, **{"HX-History-Restore-Request": "true"})
    assert rebuilt.text.startswith("<!doctype html>")


def test_the_policy_allows_files_of_this_host_only(browser: kit.Browser) -> None:
    answer = browser.get("/ui/account")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'"):
        assert rule in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["vary"] == "HX-Request"


@pytest.mark.parametrize(
    "path", sorted(rendering.TEMPLATES.glob("*.html")), ids=lambda path: path.name
)
def test_no_template_has_inline_code_or_styles_or_another_host(path: Path) -> None:
    text = re.sub(r"\{\{.*?\}\}", "X", path.read_text(encoding="utf-8"), flags=re.S)
    text = re.sub(r"\{[%#].*?[%#]\}", "", text, flags=re.S)
    assert not re.search(r"""\sstyle\s*=|\son[a-z]+\s*=\s*["']|hx-on|<style|javascript:""", text)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script or 'type="application/json"' in script


def test_an_unexpected_failure_keeps_its_words(
    browser: kit.Browser, caplog: pytest.LogCaptureFixture
) -> None:
    answer = browser.get("/ui/_tests/broken")
    assert answer.status_code == 500
    assert "系统出错" in answer.text
    assert SECRET not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


FAILURES = (
    ("away", 503, "系统暂不可用"),
    ("said", 409, "该投诉已由他人处理"),
    ("conflict", 409, "内容已被他人更改"),
    ("number?n=x", 422, "填写有误"),
    ("nothing", 404, "页面不存在"),
)


@pytest.mark.parametrize(("path", "status", "said"), FAILURES)
def test_failures_are_pages_messages_or_problems(
    browser: kit.Browser, path: str, status: int, said: str
) -> None:
    url = f"/ui/_tests/{path}"
    whole = browser.get(url)
    assert (whole.status_code, said in whole.text) == (status, True)
    part = browser.get(url, **HTMX)
    assert (part.status_code, part.text) == (status, "")
    assert said.encode("unicode_escape").decode() in part.headers["hx-trigger"]
    problem = browser.get(url, Accept="application/json")
    assert problem.status_code == status
    assert problem.json()["status"] == status
    if status == 503:
        assert whole.headers["retry-after"] == problem.headers["retry-after"]


def test_a_wrong_method_is_said(browser: kit.Browser) -> None:
    assert browser.client.put("/ui/_tests/page").status_code == 405


def test_a_message_survives_the_way_to_the_next_page(browser: kit.Browser) -> None:
    answer = browser.post("/ui/_tests/go")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/account")
    shown = browser.get("/ui/account").text
    assert "toast--warn" in shown
    assert "已保存；“好”" in shown
    assert "已保存" not in browser.get("/ui/account").text
    part = browser.client.post("/ui/_tests/go", headers={**HTMX, "X-CSRF-Token": browser.csrf})
    assert part.headers["hx-redirect"] == "/ui/account"


def test_a_forged_message_does_no_harm(web: TestClient, browser: kit.Browser) -> None:
    for forged in ("x", "bnVsbA==", "WzEsMl0=", "WyI8c2NyaXB0PiIsICJ4Il0="):
        answer = browser.get("/ui/account", Cookie=f"{_cookies(browser)}; suda_notice={forged}")
        assert answer.status_code == 200
        assert "<script>" not in answer.text


def _cookies(browser: kit.Browser) -> str:
    return "; ".join(f"{c.name}={c.value}" for c in browser.client.cookies.jar)


def test_what_was_revealed_is_recorded(web: TestClient, browser: kit.Browser) -> None:
    answer = browser.post("/ui/_tests/reveal")
    assert answer.headers["hx-trigger"].isascii()
    ((actor, _, subject),) = kit.recorded(web, "complaint.revealed")
    assert actor.startswith("user:reviewer")
    assert subject == "complaint:1"


def test_a_token_in_the_header_is_as_good_as_in_the_form(browser: kit.Browser) -> None:
    client = browser.client
    assert client.post("/ui/_tests/go", headers={"X-CSRF-Token": browser.csrf}).status_code == 303
    wrong = {"X-CSRF-Token": "wrong"}
    form = {"csrf_token": browser.csrf}
    assert client.post("/ui/_tests/go", headers=wrong, data=form).status_code == 403
    assert client.post("/ui/_tests/go", json=form).status_code == 403


def test_the_token_of_one_session_is_not_that_of_another(web: TestClient) -> None:
    one, other = kit.signed_in(web, "reviewer"), kit.signed_in(web, "reviewer")
    one.csrf = other.csrf
    assert one.post("/ui/_tests/go").status_code == 403


def test_an_undefined_name_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendering.environment().from_string("{{ nobody.knows }}").render()


def test_json_cannot_end_its_element() -> None:
    shown = rendering.json_in_html({"name": "</script><!--&\u2028"})
    assert not set("<>&\u2028") & set(shown)


def test_the_cookie_chooses_light_or_dark(browser: kit.Browser) -> None:
    for cookie, theme in (("dark", "dark"), ("light", "light"), ('"><x', "auto")):
        text = browser.get("/ui/account", Cookie=f"{_cookies(browser)}; suda_theme={cookie}").text
        assert f'data-theme="{theme}"' in text


def test_without_the_pages_there_are_none(mood_bundle: Path, tmp_path: Path) -> None:
    with kit.opened(kit.settings(mood_bundle, tmp_path, web=False)) as client:
        for path in ("/ui", "/ui/signin", "/"):
            assert client.get(path).status_code == 401


def test_a_visitor_does_not_learn_which_pages_there_are(web: TestClient) -> None:
    visitor = kit.visitor(web)
    assert visitor.get("/ui/admin/users/none").status_code == 303
    assert "左" not in visitor.get("/ui/nothing").text
    assert 'class="side"' not in visitor.get("/ui/nothing").text


def test_the_theme_cookie_is_the_one_the_script_writes() -> None:
    script = (rendering.TEMPLATES.parent / "static" / "suda.js").read_text(encoding="utf-8")
    assert f"{frame.THEME_COOKIE}=" in script
