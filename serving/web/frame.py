"""The frame around every page: `page()` answers with it, or with the fragment htmx asked for."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from serving.api.admin_keys import in_session
from serving.api.state import State
from serving.store import audit
from serving.web import navigation
from serving.web.auth import session_of, signed_in
from serving.web.csrf import check_csrf
from serving.web.labels import Labels
from serving.web.people import People
from serving.web.rendering import has_block, render

THEME_COOKIE = "suda_theme"
_NOTICE_COOKIE = "suda_notice"
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    # With no-referrer a browser gives the origin of its own forms as "null".
    "Referrer-Policy": "same-origin",
    "Vary": "HX-Request",
}

Tone = Literal["good", "info", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A short message that is shown once."""

    text: str
    tone: Tone = "good"


def router_for(prefix: str) -> APIRouter:
    """A router of pages below /ui: not part of the API's description, guarded against CSRF."""
    return APIRouter(
        prefix=f"/ui{prefix}", include_in_schema=False, dependencies=[Depends(check_csrf)]
    )


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    notice: Notice | None = None,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    """A page with its frame; for htmx the block named after the target, else the block `content`.

    A request with `HX-Target: queue-rows` gets the template's block `queue_rows` if it has one.
    """
    block = _wanted_block(request, template)
    partial = is_htmx(request)
    shown = {**frame_context(request), **context, "layout": _layout(partial)}
    flash = None if partial else _flashed(request)
    shown["notices"] = [item for item in (flash, None if partial else notice) if item]
    response = HTMLResponse(render(template, shown, block), status, {**HEADERS, **(headers or {})})
    if flash:
        response.delete_cookie(_NOTICE_COOKIE, path=_root(request) or "/")
    if partial and notice:
        tell(response, notice)
    return response


def redirect(request: Request, path: str, notice: Notice | None = None) -> Response:
    """Go to another page (303; by `HX-Redirect` for htmx), where `notice` is shown."""
    target = f"{_root(request)}{path}"
    response = (
        Response(status_code=204, headers={"HX-Redirect": quote(target, safe="/?&=%#:,+@~.-_")})
        if is_htmx(request)
        else RedirectResponse(target, 303, HEADERS)
    )
    if notice:
        packed = base64.urlsafe_b64encode(orjson.dumps([notice.text, notice.tone])).decode()
        response.set_cookie(
            _NOTICE_COOKIE, packed, max_age=60, path=_root(request) or "/", httponly=True,
            samesite="lax", secure=is_secure(request),
        )  # fmt: skip
    return response


def tell(response: Response, notice: Notice) -> Response:
    """Let a message pop up in the page that htmx keeps."""
    said = {"suda:notice": {"text": notice.text, "tone": notice.tone}}
    # A header takes ASCII only.
    response.headers["HX-Trigger"] = json.dumps(said, ensure_ascii=True)
    return response


def is_htmx(request: Request) -> bool:
    """Whether a fragment is wanted: asked by htmx, and not to rebuild a page of the history."""
    headers = request.headers
    return headers.get("hx-request") == "true" and not (
        headers.get("hx-boosted") or headers.get("hx-history-restore-request")
    )


def is_secure(request: Request) -> bool:
    """Whether the browser came over TLS (a trusted proxy says so)."""
    return request.url.scheme == "https"


async def audited(request: Request, action: str, subject: str, **details: Any) -> None:
    """Record that the user did something that changes no row: read, revealed, downloaded.

    What changes rows records itself in its own transaction: `audit.record(session, user.actor, …)`.
    """
    actor = signed_in(request).user.actor
    now = datetime.now(UTC)
    await in_session(
        request.app.state.sessions,
        lambda s: audit.record(s, actor, action, subject, details, now=now),
    )


def frame_context(request: Request) -> dict[str, Any]:
    """What every template knows."""
    session = session_of(request)
    path = request.url.path.removeprefix(_root(request))
    sections = (
        navigation.visible(session.user, request.app.state.web_paths)
        if session and not session.user.must_change
        else []
    )
    theme = request.cookies.get(THEME_COOKIE, "")
    return {
        "request": request,
        "root": _root(request),
        "path": path,
        "now": datetime.now(UTC),
        "user": session.user if session else None,
        "csrf": session.csrf if session else "",
        "sections": sections,
        "here": navigation.current(path, sections),
        "theme": theme if theme in ("light", "dark") else "auto",
        "labels": labels_of(request),
        "people": getattr(request.state, "web_people", People()),
        "notices": [],
        "demo": getattr(getattr(request.app.state, "suda", None), "demo", False),
    }


def labels_of(request: Request) -> Labels | None:
    """Names for codes, as they are now; None before start-up is complete."""
    state: State | None = getattr(request.app.state, "suda", None)
    if state is None:
        return None
    pipeline = state.intake.pipeline
    return Labels(pipeline.taxonomy, pipeline.policies.at(datetime.now(UTC)))


def _layout(partial: bool) -> str:
    return "_fragment.html" if partial else "base.html"


def _wanted_block(request: Request, template: str) -> str | None:
    if not is_htmx(request):
        return None
    target = request.headers.get("hx-target", "").replace("-", "_")
    return target if target and target != "content" and has_block(template, target) else None


def _root(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")


def _flashed(request: Request) -> Notice | None:
    packed = request.cookies.get(_NOTICE_COOKIE)
    if not packed:
        return None
    try:
        text, tone = orjson.loads(base64.urlsafe_b64decode(packed))
        return Notice(str(text)[:300], tone if tone in ("good", "info", "warn", "bad") else "info")
    except (ValueError, TypeError):
        return None
