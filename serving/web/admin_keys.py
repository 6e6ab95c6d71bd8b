"""/ui/admin/keys: API keys made, rotated, revoked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import Depends, Form, Request, Response

from data.errors import ConflictError, InputError
from data.pii.mask import mask
from serving.api.admin_keys import SessionsDep, in_session
from serving.api.security import GateDep
from serving.api.state import State, StateDep
from serving.intake import now
from serving.security.keys import SCOPES, ApiKey, Minted
from serving.store import keys
from serving.triage.routing import Router
from serving.web.auth import Admin
from serving.web.errors import PageError
from serving.web.formats import SHANGHAI
from serving.web.frame import Notice, page, redirect, router_for

router = router_for("/admin/keys")
HERE = "/ui/admin/keys"

SCOPE_NAMES = {
    "intake": "接入：提交投诉、查询任务",
    "review": "复核：读取和更正判定",
    "admin": "管理：密钥、模型、规则包、部门",
    "audit": "审计：读取审计记录和监控指标",
}
_SOON = timedelta(days=30)
_SAID = {
    "name": "名称应为 1 至 64 个字符",
    "scopes": "请至少选择一项权限",
    "expires_at": "请填写今天以后的日期",
    "rate": "应为正整数",
    "department": "规则包里没有这个部门",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """The form of a key, and what is wrong with it, by field."""

    name: str = ""
    scopes: tuple[str, ...] = ("intake",)
    expires: str = ""
    rate: str = ""
    department: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def entered(
    name: Annotated[str, Form(max_length=200)] = "",
    scopes: Annotated[list[str] | None, Form(max_length=16)] = None,
    expires: Annotated[str, Form(max_length=16)] = "",
    rate: Annotated[str, Form(max_length=16)] = "",
    department: Annotated[str, Form(max_length=48)] = "",
) -> Entered:
    """The form as it came. For a department there are no scopes, whatever is still ticked."""
    chosen = () if department else tuple(scopes or ())
    return Entered(name.strip(), chosen, expires.strip(), rate.strip(), department)


@dataclass(frozen=True, slots=True)
class Shown:
    """A key in the list: `state` is usable, ending, expired or revoked."""

    key: ApiKey
    state: str
    successor: str | None


@router.get("")
async def listed(request: Request, state: StateDep, _: Admin, makers: SessionsDep) -> Response:
    """All keys, the newest first; what opens them is nowhere."""
    return await _list(request, state, makers, Entered())


@router.post("")
async def create(
    request: Request,
    state: StateDep,
    user: Admin,
    makers: SessionsDep,
    gate: GateDep,
    form: Annotated[Entered, Depends(entered)],
) -> Response:
    """Make a key and show it this once."""
    try:
        wish = _wish(form)
        _router(state).check_known(wish.department)
        minted = await in_session(makers, lambda s: keys.create(s, wish, user.actor, now()))
    except InputError as error:
        where = error.field or "name"
        wrong = replace(form, errors={where: _SAID.get(where, "填写有误")})
        return await _list(request, state, makers, wrong, status=422)
    await asyncio.to_thread(gate.refresh)
    return _once(request, minted, "新密钥", "请交给接入系统的维护人员。本页关闭后不再显示。")


@router.post("/{key_id}/rotate")
async def rotate(
    request: Request,
    key_id: str,
    user: Admin,
    makers: SessionsDep,
    gate: GateDep,
    overlap_days: Annotated[float, Form(ge=0, le=90)] = 7,
) -> Response:
    """A successor, shown this once; the old key holds until the overlap is over."""
    overlap = timedelta(days=overlap_days)
    try:
        minted = await in_session(
            makers, lambda s: keys.rotate(s, key_id, overlap, user.actor, now())
        )
    except ConflictError as error:
        raise PageError("该密钥已停用或过期，请新建密钥", status=409) from error
    await asyncio.to_thread(gate.refresh)
    said = f"旧密钥在 {overlap_days:g} 天内仍有效，请在此期间完成更换。本页关闭后不再显示。"
    return _once(request, minted, "更换后的密钥", said)


@router.post("/{key_id}/revoke")
async def revoke(
    request: Request,
    key_id: str,
    user: Admin,
    makers: SessionsDep,
    gate: GateDep,
    why: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """End a key: here at once, in other processes within seconds."""
    if not why.strip():
        raise PageError("请填写停用原因")
    said = mask(why.strip()).text
    await in_session(makers, lambda s: keys.revoke(s, key_id, said, user.actor, now()))
    await asyncio.to_thread(gate.refresh)
    return redirect(request, HERE, Notice("密钥已停用，其调用立即被拒绝"))


async def _list(
    request: Request, state: State, makers: SessionsDep, form: Entered, *, status: int = 200
) -> Response:
    departments = {code: one.name for code, one in _router(state).departments.items()}
    found = await in_session(makers, keys.listed)
    followed = {key.replaces: key.id for key in found if key.replaces}
    at = now()
    shown = [Shown(key, _state(key, at), followed.get(key.id)) for key in reversed(found)]
    shown.sort(key=lambda one: one.state in ("expired", "revoked"))
    return page(
        request,
        "admin_keys.html",
        status=status,
        found=shown,
        form=form,
        scopes=[(scope, SCOPE_NAMES[scope]) for scope in SCOPES],
        departments=departments,
        default_expiry=(at + keys.LIFETIME).astimezone(SHANGHAI).date().isoformat(),
    )


def _once(request: Request, minted: Minted, title: str, said: str) -> Response:
    return page(
        request, "admin_secret.html",
        title=f"{title} {minted.id}", secret=minted.token, said=said, back=HERE,
        crumb=("密钥", HERE),
    )  # fmt: skip


def _wish(form: Entered) -> keys.Wish:
    rate = None
    if form.rate:
        if not form.rate.isdigit():
            raise InputError("expected a number", field="rate")
        rate = int(form.rate)
    expires = _until(form.expires) if form.expires else now() + keys.LIFETIME
    scopes = keys.scopes_of(form.scopes)
    return keys.Wish(form.name, scopes, expires, rate, form.department or None)


def _router(state: State) -> Router:
    return state.intake.pipeline.policies.at(now()).router


def _until(day: str) -> datetime:
    """The end of a day in the bank's zone."""
    try:
        found = date.fromisoformat(day)
    except ValueError as error:
        raise InputError("expected a day", field="expires_at") from error
    return datetime.combine(found + timedelta(days=1), time(), SHANGHAI)


def _state(key: ApiKey, at: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= at:
        return "expired"
    ending = key.expires_at is not None and key.expires_at - at < _SOON
    return "ending" if ending else "usable"
