"""/ui/account: one's own password and sessions."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from data.errors import InputError
from serving.api.admin_keys import SessionsDep, in_session
from serving.security.passwords import check_password, hashed
from serving.security.roles import User
from serving.store import audit, sessions, users
from serving.web import cookies
from serving.web.auth import CurrentSession, Self
from serving.web.entrance import LockedError
from serving.web.errors import PageError
from serving.web.formats import span
from serving.web.frame import Notice, page, redirect, router_for
from serving.web.passwords import RULES, said_of
from serving.web.paths import ACCOUNT, HOME
from serving.web.visits import EntranceDep, LifetimeDep, now, visit_of

router = router_for("/account")


@router.get("")
async def show(
    request: Request,
    user: Self,
    current: CurrentSession,
    lifetime: LifetimeDep,
    makers: SessionsDep,
) -> Response:
    """Who one is, one's password, and where one is signed in."""
    return await _show(request, user, current, lifetime, makers)


@router.post("/password")
async def change_password(
    request: Request,
    user: Self,
    current: CurrentSession,
    entrance: EntranceDep,
    lifetime: LifetimeDep,
    makers: SessionsDep,
    old: Annotated[str, Form(max_length=200)] = "",
    new: Annotated[str, Form(max_length=200)] = "",
    again: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Set a new password: every session ends, and this browser gets another."""
    wrong = _judged(user, old, new, again)
    try:
        if not wrong and not await entrance.is_right(user, old, visit_of(request)):
            wrong = {"old": "原密码不正确"}
    except LockedError as error:
        wrong = {"old": f"尝试次数过多，请在 {span(max(60, error.retry_after or 0))}后再试"}
    if wrong:
        return await _show(request, user, current, lifetime, makers, wrong)
    kept = await asyncio.to_thread(hashed, new)

    def write(session: Session) -> str:
        at = now()
        users.set_password(session, user.id, kept, user.actor, at, must_change=False)
        return sessions.start(session, user.id, visit_of(request, current.via), lifetime, at)[0]

    token = await in_session(makers, write)
    response = redirect(
        request, HOME if user.must_change else ACCOUNT, Notice("密码已修改，其他设备上的登录已退出")
    )
    cookies.set_session(request, response, token, int(lifetime.total.total_seconds()))
    return response


@router.post("/sessions/{session_id}/end")
async def end_one(request: Request, session_id: str, user: Self, makers: SessionsDep) -> Response:
    """Sign one browser out."""

    def end(session: Session) -> bool:
        ended = sessions.end(session, session_id, user.id)
        if ended:
            audit.record(session, user.actor, "session.ended", user.actor, {"count": 1}, now=now())
        return ended

    if not await in_session(makers, end):
        raise PageError("该登录已经结束", status=404)
    return redirect(request, ACCOUNT, Notice("已退出该设备"))


@router.post("/sessions/end-others")
async def end_others(
    request: Request, user: Self, current: CurrentSession, makers: SessionsDep
) -> Response:
    """Sign all other browsers out."""

    def end(session: Session) -> int:
        count = sessions.end_all(session, user.id, but=current.id)
        details = {"count": count}
        audit.record(session, user.actor, "session.ended", user.actor, details, now=now())
        return count

    count = await in_session(makers, end)
    return redirect(request, ACCOUNT, Notice(f"已退出其他 {count} 处登录"))


def _judged(user: User, old: str, new: str, again: str) -> dict[str, str]:
    """What is wrong with the form, by field; in Chinese."""
    if new != again:
        return {"again": "两次输入的新密码不一致"}
    if new == old:
        return {"new": "新密码不能与原密码相同"}
    try:
        check_password(new, user.login, user.name)
    except InputError as error:
        return {"new": said_of(error)}
    return {}


async def _show(
    request: Request,
    user: User,
    current: sessions.WebSession,
    lifetime: sessions.Lifetime,
    makers: SessionsDep,
    wrong: dict[str, str] | None = None,
) -> Response:
    def read(session: Session) -> tuple[users.Account, list[sessions.WebSession]]:
        found = sessions.of_user(session, user.id, lifetime, now())
        return users.account(session, user.id), found

    account, found = await in_session(makers, read)
    return page(
        request,
        "account.html",
        status=422 if wrong else 200,
        account=account,
        found=found,
        current=current,
        wrong=wrong or {},
        rules=RULES,
    )
