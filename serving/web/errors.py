"""Failures as pages, in Chinese: what happened, and what to do next."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.types import ExceptionHandler

from data.errors import SudaError
from serving.api.problems import headers_of, of_any, respond
from serving.boards.errors import SOON, GatheringError
from serving.web.auth import PasswordChangeError, SignInNeededError
from serving.web.frame import Notice, is_htmx, page, redirect, tell
from serving.web.paths import ACCOUNT, HOME, SIGN_IN, is_web

_SAID: dict[int, tuple[str, str]] = {
    400: ("请求无法识别", "请返回上一页重试。"),
    401: ("请先登录", "登录后可继续操作。"),
    403: ("没有权限", "您的角色不能进行此操作。如确有需要，请联系管理员。"),
    404: ("页面不存在", "该地址没有内容，可能已被移动或删除。"),
    405: ("不支持的操作", "请返回上一页重试。"),
    409: ("内容已被他人更改", "请刷新页面，查看最新内容后再操作。"),
    413: ("内容过大", "提交的内容超过了允许的大小。"),
    422: ("填写有误", "请检查填写的内容后再提交。"),
    429: ("操作过于频繁", "请稍候再试。"),
    500: ("系统出错", "本次操作没有生效，系统已记录。请稍后重试，如反复出现请联系管理员。"),
    503: ("系统暂不可用", "系统正在启动或数据库暂时无法连接，请稍后重试。"),
    504: ("处理超时", "本次操作没有在限定时间内完成，请稍后重试。"),
}
_CSRF = ("页面已过期", "为保护您的账号，请刷新页面后再提交。")


class PageError(SudaError):
    """Refused, in words for the user (Chinese). HTTP 422 unless told otherwise."""

    code: ClassVar[str] = "refused"

    def __init__(self, said: str, *, status: int = 422, field: str | None = None) -> None:
        super().__init__(said, field=field)
        self.status = status  # type: ignore[misc]


def install(app: FastAPI) -> None:
    """Let every handler of the API answer pages with a page."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _split(handler)  # type: ignore[assignment, arg-type]


def _split(handler: ExceptionHandler) -> ExceptionHandler:
    async def answered(request: Request, error: Exception) -> Response:
        plain: Response = await handler(request, error)  # type: ignore[misc, arg-type]
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        if not is_web(path) or _wants_json(request):
            return plain
        kept = {k: v for k, v in plain.headers.items() if k == "retry-after"}
        return _page(request, error, orjson.loads(plain.body), kept)

    return answered  # type: ignore[return-value]


def answer(request: Request, error: Exception) -> Response:
    """The answer to any failure."""
    headers = headers_of(error) if isinstance(error, SudaError) else {}
    document = of_any(error)
    if _wants_json(request):
        return respond(document, headers)
    return _page(request, error, document, headers)


def _page(
    request: Request, error: Exception, document: dict[str, object], headers: dict[str, str]
) -> Response:
    if isinstance(error, SignInNeededError):
        return to_sign_in(request)
    if isinstance(error, PasswordChangeError):
        return redirect(request, ACCOUNT, Notice("请先修改初始密码", "warn"))
    if isinstance(error, GatheringError) and request.method == "GET":
        return gathering(request)
    status, code = int(str(document["status"])), str(document["code"])
    title, advice = _CSRF if code == "csrf" else _SAID.get(status, _SAID[500])
    if isinstance(error, PageError):
        advice = error.message
    if is_htmx(request):
        return tell(HTMLResponse("", status, headers), Notice(f"{title}：{advice}", "bad"))
    said: dict[str, Any] = {"title": title, "advice": advice, "code": code, "number": status}
    return page(request, "error.html", status=status, headers=headers, **said)


def gathering(request: Request) -> Response:
    """The page's place while what it counts is being read: asks for itself again, by itself."""
    again = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    seconds = round(SOON)
    headers = {"Cache-Control": "no-store"}
    fragment = is_htmx(request)
    if not fragment:
        headers["Refresh"] = str(seconds)
    return page(
        request, "gathering.html", headers=headers, again=again, seconds=seconds, fragment=fragment
    )


def to_sign_in(request: Request) -> Response:
    """To the sign-in, and from there back to where the user was."""
    back = request.headers.get("hx-current-url") if is_htmx(request) else str(request.url)
    if request.method != "GET" and not is_htmx(request):
        back = request.headers.get("referer")
    parts = urlsplit(back or "")
    root = request.scope.get("root_path", "").rstrip("/")
    here = parts.path.removeprefix(root) + (f"?{parts.query}" if parts.query else "")
    query = f"?next={quote(here, safe='/')}" if here and here != HOME else ""
    return redirect(request, f"{SIGN_IN}{query}")


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")
