"""/ui/signin and /ui/signout."""

from __future__ import annotations

import math
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlalchemy.orm import Session

from serving.api.admin_keys import SessionsDep, in_session
from serving.store import audit, sessions
from serving.store.sessions import Lifetime
from serving.web import cookies
from serving.web.auth import CurrentSession, Visitors, session_of
from serving.web.csrf import CsrfError, check_csrf, check_origin, same
from serving.web.entrance import Admission, LockedError
from serving.web.formats import span
from serving.web.frame import Notice, is_secure, page, redirect
from serving.web.paths import ACCOUNT, SIGN_IN, safe_next
from serving.web.visits import EntranceDep, LifetimeDep, now, visit_of

_FORM_COOKIE = "suda_signin"
_FORM_SECONDS = 3600

WRONG = "账号或密码不正确"

router = APIRouter(prefix="/ui", include_in_schema=False)


async def check_form(request: Request) -> None:
    """A sign-in must come from our own form, too: nobody is to be signed in as somebody else."""
    check_origin(request)
    sent = (await request.form()).get("csrf_token")
    if not isinstance(sent, str) or not same(sent, request.cookies.get(_FORM_COOKIE) or "\0"):
        raise CsrfError("the form is not from this browser; load the page again")


@router.get("/signin", dependencies=[Depends(Visitors())])
async def form(request: Request, wanted: Annotated[str, Query(alias="next")] = "") -> Response:
    """The form; who is in already goes on."""
    if session_of(request) is not None:
        return redirect(request, safe_next(wanted))
    return _form(request, wanted)


@router.post("/signin", dependencies=[Depends(Visitors()), Depends(check_form)])
async def enter(
    request: Request,
    entrance: EntranceDep,
    lifetime: LifetimeDep,
    login: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    wanted: Annotated[str, Form(alias="next", max_length=600)] = "",
) -> Response:
    """In, or the form again with the same words for every reason."""
    try:
        admission = await entrance.enter(login, password, visit_of(request))
    except LockedError as error:
        wait = span(max(60, error.retry_after or 0))
        said = f"尝试次数过多，请在 {wait}后再试"
        retry = {"Retry-After": str(math.ceil(error.retry_after or 1))}
        return _form(request, wanted, said, status=429, login=login, headers=retry)
    if admission is None:
        return _form(request, wanted, WRONG, status=401, login=login)
    return welcome(request, admission, lifetime, wanted)


@router.post("/signout", dependencies=[Depends(check_csrf)])
async def leave(request: Request, current: CurrentSession, makers: SessionsDep) -> Response:
    """End this session."""
    user = current.user

    def end(session: Session) -> None:
        sessions.end(session, current.id, user.id)
        audit.record(session, user.actor, "session.signed_out", user.actor, now=now())

    await in_session(makers, end)
    response = redirect(request, SIGN_IN, Notice("已退出登录"))
    cookies.clear_session(request, response)
    return response


def welcome(request: Request, admission: Admission, lifetime: Lifetime, wanted: str) -> Response:
    """To where they wanted to go, with the new session's cookie."""
    target = ACCOUNT if admission.user.must_change else safe_next(wanted)
    response = redirect(request, target)
    cookies.set_session(request, response, admission.token, int(lifetime.total.total_seconds()))
    response.delete_cookie(_FORM_COOKIE, path="/")
    return response


def _form(
    request: Request,
    wanted: str,
    error: str = "",
    *,
    status: int = 200,
    login: str = "",
    headers: dict[str, str] | None = None,
) -> Response:
    token = request.cookies.get(_FORM_COOKIE) or secrets.token_urlsafe(32)
    response = page(
        request,
        "signin.html",
        status=status,
        headers=headers,
        error=error,
        login=login[:64],
        next=safe_next(wanted),
        form_token=token,
        oidc=request.app.state.web_oidc is not None,
    )
    response.set_cookie(
        _FORM_COOKIE, token, max_age=_FORM_SECONDS, path="/", httponly=True, samesite="lax",
        secure=is_secure(request),
    )  # fmt: skip
    return response
