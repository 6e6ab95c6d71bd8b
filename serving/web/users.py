"""/ui/admin/users: who may sign in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from data.errors import ConflictError, InputError
from serving.api.admin_keys import SessionsDep, in_session
from serving.security.passwords import generated, hashed
from serving.security.roles import ROLES, TITLES
from serving.store import attempts, audit, sessions, users
from serving.store.unlock import unlock as forget_failures
from serving.store.users import Account, Person
from serving.web.auth import Admin
from serving.web.errors import PageError
from serving.web.frame import Notice, labels_of, page, redirect, router_for
from serving.web.visits import LifetimeDep, now

router = router_for("/admin/users")
HERE = "/ui/admin/users"

T = TypeVar("T")

_SAID = {
    "login": "账号应为 2 至 64 位小写字母、数字、点、连字符或 @，以字母或数字开头",
    "name": "姓名应为 1 至 64 个字符",
    "role": "请选择角色",
    "branch": "机构代码过长",
    "department": "部门代码过长",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """The form of a user."""

    login: str
    name: str
    role: str
    branch: str
    department: str


def entered(
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[str, Form(max_length=32)] = "",
    login: Annotated[str, Form(max_length=200)] = "",
    branch: Annotated[str, Form(max_length=200)] = "",
    department: Annotated[str, Form(max_length=200)] = "",
) -> Entered:
    """The form as it came."""
    return Entered(login.strip().lower(), name.strip(), role, branch.strip(), department.strip())


EnteredForm = Annotated[Entered, Depends(entered)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A user in the list: how many sessions they have, and until when their login is locked."""

    account: Account
    sessions: int
    locked_until: datetime | None


@router.get("")
async def listed(
    request: Request, _: Admin, makers: SessionsDep, lifetime: LifetimeDep, q: str = ""
) -> Response:
    """All users, or those with `q` in login or name."""

    def read(session: Session) -> list[Shown]:
        return [_shown(session, account, lifetime) for account in users.listed(session, q[:64])]

    found = await in_session(makers, read)
    return page(request, "users.html", found=found, q=q[:64], **_choices(request))


@router.post("")
async def add(request: Request, user: Admin, makers: SessionsDep, form: EnteredForm) -> Response:
    """Add somebody with a password that is shown once and must be changed."""
    password = generated()
    kept = await asyncio.to_thread(hashed, password)
    person = _person(form, form.login)
    made = await _change(makers, lambda s: users.add(s, person, kept, user.actor, now()))
    return _handed_over(request, made.login, password, "已添加用户")


@router.get("/{user_id}")
async def edit(
    request: Request, user_id: str, _: Admin, makers: SessionsDep, lifetime: LifetimeDep
) -> Response:
    """One user: role, sessions, lock, last audit entries."""

    def read(session: Session) -> tuple[Shown, list[sessions.WebSession]]:
        account = users.account(session, user_id)
        return _shown(session, account, lifetime), sessions.of_user(
            session, user_id, lifetime, now()
        )

    shown, open_sessions = await in_session(makers, read)
    return page(request, "user.html", shown=shown, found=open_sessions, **_choices(request))


@router.post("/{user_id}")
async def change(
    request: Request, user_id: str, user: Admin, makers: SessionsDep, form: EnteredForm
) -> Response:
    """Change name, role, branch or department."""

    def write(session: Session) -> None:
        login = users.row_of(session, user_id).login
        users.change(session, user_id, _person(form, login), user.actor, now())

    await _change(makers, write)
    return redirect(request, f"{HERE}/{user_id}", Notice("已保存"))


@router.post("/{user_id}/disable")
async def disable(request: Request, user_id: str, user: Admin, makers: SessionsDep) -> Response:
    """Let somebody in no more; their sessions end at once."""
    await _change(makers, lambda s: users.disable(s, user_id, user.actor, now()))
    return redirect(request, f"{HERE}/{user_id}", Notice("已停用，其登录已全部退出"))


@router.post("/{user_id}/enable")
async def enable(request: Request, user_id: str, user: Admin, makers: SessionsDep) -> Response:
    """Let somebody in again."""
    await _change(makers, lambda s: users.enable(s, user_id, user.actor, now()))
    return redirect(request, f"{HERE}/{user_id}", Notice("已启用"))


@router.post("/{user_id}/reset")
async def reset(request: Request, user_id: str, user: Admin, makers: SessionsDep) -> Response:
    """A new password that is shown once and must be changed; sessions end."""
    password = generated()
    kept = await asyncio.to_thread(hashed, password)

    def write(session: Session) -> str:
        row = users.row_of(session, user_id)
        if row.external:
            raise PageError("该用户通过统一身份认证登录，没有本系统密码", status=409)
        attempts.forgive(session, attempts.of_login(row.login))
        users.set_password(session, user_id, kept, user.actor, now(), must_change=True)
        return row.login

    login = await _change(makers, write)
    return _handed_over(request, login, password, "已重置密码")


@router.post("/{user_id}/unlock")
async def unlock(request: Request, user_id: str, user: Admin, makers: SessionsDep) -> Response:
    """Forget failed sign-ins."""
    await _change(makers, lambda s: forget_failures(s, user_id, user.actor, now()))
    return redirect(request, f"{HERE}/{user_id}", Notice("已解除锁定"))


@router.post("/{user_id}/sessions/end")
async def end_sessions(
    request: Request, user_id: str, user: Admin, makers: SessionsDep
) -> Response:
    """Sign somebody out everywhere."""

    def write(session: Session) -> int:
        row = users.row_of(session, user_id)
        count = sessions.end_all(session, user_id)
        details = {"count": count}
        subject = f"user:{row.login}"
        audit.record(session, user.actor, "session.ended", subject, details, now=now())
        return count

    count = await _change(makers, write)
    return redirect(request, f"{HERE}/{user_id}", Notice(f"已退出 {count} 处登录"))


async def _change(makers: sessionmaker[Session], work: Callable[[Session], T]) -> T:
    """Do it, and say in Chinese why it cannot be done."""
    try:
        return await in_session(makers, work)
    except InputError as error:
        raise PageError(_SAID.get(error.field or "", "填写有误")) from error
    except ConflictError as error:
        taken = error.field == "login"
        said = "该账号已存在" if taken else "至少要保留一名可用的管理员"
        raise PageError(said, status=409) from error


def _person(form: Entered, login: str) -> Person:
    try:
        role = users.role_of(form.role)
    except InputError as error:
        raise PageError(_SAID["role"]) from error
    return Person(login, form.name, role, form.branch or None, form.department or None)


def _handed_over(request: Request, login: str, password: str, said: str) -> Response:
    """The only time the password is shown."""
    return page(request, "password.html", login=login, password=password, said=said)


def _shown(session: Session, account: Account, lifetime: sessions.Lifetime) -> Shown:
    at = now()
    count = len(sessions.of_user(session, account.user.id, lifetime, at))
    wait = attempts.locked(session, (attempts.of_login(account.user.login),), at)
    return Shown(account, count, at + wait if wait else None)


def _choices(request: Request) -> dict[str, Any]:
    labels = labels_of(request)
    departments = labels.policy.pack.departments.departments if labels else []
    return {
        "roles": [(role, TITLES[role]) for role in ROLES],
        "departments": [(one.code, one.name) for one in departments],
        "titles": TITLES,
    }
