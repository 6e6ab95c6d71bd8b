"""/ui/admin/departments: how departments are told, what lies on their desks; branches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from data.errors import InputError
from serving.api.admin_keys import in_session
from serving.api.looking import counted
from serving.api.state import State, StateDep
from serving.boards.departments import Load, loads
from serving.boards.filter import CaseFilter
from serving.boards.view import View
from serving.intake import now
from serving.outbox import departments
from serving.outbox.departments import Change
from serving.reports.desk import definition_of
from serving.store import outbox
from serving.store.deliveries import Standing, standings
from serving.triage.policy import Policy
from serving.web.auth import Admin
from serving.web.frame import Notice, page, redirect, router_for

router = router_for("/admin")
HERE = "/ui/admin/departments"
_DAYS = 90
_LATEST = 20
_MOST_AT_ONCE = 64
_SAID = {
    "webhook": "地址应以 http:// 或 https:// 开头，不含用户名和 #，并且允许访问",
    "concurrency": f"应为 1 至 {_MOST_AT_ONCE} 的整数",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """The form of a department."""

    webhook: str
    concurrency: str
    enabled: bool


@router.get("/departments")
async def listed(request: Request, state: StateDep, _: Admin) -> Response:
    """The policy's departments: where they are told, whether that works, what they have to do."""
    policy = _policy(state)

    def read(session: Session) -> tuple[dict[str, Any], dict[str, Standing]]:
        at = now()
        codes = list(policy.router.departments)
        found = {code: departments.shown(session, policy, code, at) for code in codes}
        return found, standings(session)

    found, stands = await in_session(state.intake.store.session, read)
    lines = [
        {
            **shown,
            "affiliation": policy.router.departments[code].affiliation,
            "stands": stands.get(code, Standing()),
        }
        for code, shown in found.items()
    ]
    load = {one.code: one for one in await _loads(request, state, "lead")}
    return page(request, "admin_departments.html", lines=lines, load=load, days=_DAYS)


@router.get("/departments/seen/branches")
async def branches(request: Request, state: StateDep, _: Admin) -> Response:
    """The branches that any complaint named, and how many outlets the report counts for each."""
    found = await _loads(request, state, "branch")
    definition = definition_of(state.settings, state.intake.pipeline, request.app.state)
    outlets = definition.outlets.branches
    missing = [code for code in outlets if code not in {one.code for one in found}]
    return page(
        request, "admin_branches.html", found=found, outlets=outlets, missing=missing, days=_DAYS
    )


@router.get("/departments/{code}")
async def shown(request: Request, code: str, state: StateDep, _: Admin) -> Response:
    """One department."""
    return await _shown(request, state, code)


@router.post("/departments/{code}")
async def change(
    request: Request,
    code: str,
    state: StateDep,
    user: Admin,
    webhook: Annotated[str, Form(max_length=3_000)] = "",
    concurrency: Annotated[str, Form(max_length=8)] = "",
    enabled: Annotated[bool, Form()] = False,
) -> Response:
    """Change where and how a department is told; a secret that is made thereby is shown once."""
    entered = Entered(webhook.strip(), concurrency.strip(), enabled)
    try:
        made = await _change(state, code, _wanted(entered), user.actor)
    except InputError as error:
        errors = {error.field or "webhook": _SAID.get(error.field or "webhook", error.message)}
        return await _shown(request, state, code, entered, errors, status=422)
    if made:
        return _secret(request, state, code, made)
    return redirect(request, f"{HERE}/{code}", Notice("已保存"))


@router.post("/departments/{code}/secret")
async def rotate(
    request: Request,
    code: str,
    state: StateDep,
    user: Admin,
    overlap_days: Annotated[float, Form(ge=0, le=90)] = 7,
) -> Response:
    """A new secret, shown this once; the one before signs as well until the overlap is over."""
    wanted = Change(new_secret=True, overlap=timedelta(days=overlap_days))
    made = await _change(state, code, wanted, user.actor)
    return _secret(request, state, code, made or "")


@router.post("/departments/{code}/switch")
async def switch(
    request: Request, code: str, state: StateDep, user: Admin, on: Annotated[bool, Form()] = False
) -> Response:
    """Send work orders to a department, or let them wait."""
    await _change(state, code, Change(enabled=on), user.actor)
    said = "已恢复投递" if on else "已暂停投递，工单将保留等待"
    return redirect(request, f"{HERE}/{code}", Notice(said))


def _wanted(entered: Entered) -> Change:
    if not entered.concurrency.isdigit() or not 1 <= int(entered.concurrency) <= _MOST_AT_ONCE:
        raise InputError("expected a number", field="concurrency")
    return Change(
        webhook=entered.webhook, enabled=entered.enabled, concurrency=int(entered.concurrency)
    )


async def _change(state: State, code: str, wanted: Change, actor: str) -> str | None:
    policy, private = _policy(state), state.settings.webhook_private

    def work(session: Session) -> str | None:
        before = departments.shown(session, policy, code, now())
        same = before["webhook_from"] == "policy" and wanted.webhook == before["webhook"]
        # What the policy says already is not set over it.
        asked = Change(
            None if same else wanted.webhook,
            wanted.secret,
            wanted.new_secret,
            wanted.overlap,
            wanted.enabled,
            wanted.concurrency,
        )
        return departments.change(session, policy, code, asked, actor, now(), private=private)

    made = await in_session(state.intake.store.session, work)
    await state.run(state.directory.refresh)
    return made


async def _shown(
    request: Request,
    state: State,
    code: str,
    entered: Entered | None = None,
    errors: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    policy = _policy(state)

    def read(session: Session) -> dict[str, Any]:
        found = departments.shown(session, policy, code, now())
        return {
            "one": found,
            "stands": outbox.standing(session, code),
            "latest": outbox.page(session, outbox.Filter(department=code), _LATEST),
        }

    context = await in_session(state.intake.store.session, read)
    one = context["one"]
    given = entered or Entered(one["webhook"] or "", str(one["concurrency"]), one["enabled"])
    return page(
        request, "admin_department.html", status=status, at=datetime.fromisoformat,
        given=given, errors=errors or {}, stated=policy.router.departments.get(code), **context,
    )  # fmt: skip


def _secret(request: Request, state: State, code: str, made: str) -> Response:
    """The only time the secret is shown."""
    name = _policy(state).router.departments[code].name
    return page(
        request,
        "admin_secret.html",
        title=f"{name} 的签名密钥",
        secret=made,
        said="请交给该部门系统的维护人员，用于核对工单签名。本页关闭后不再显示。",
        back=f"{HERE}/{code}",
        crumb=("部门与机构", HERE),
    )


async def _loads(request: Request, state: State, axis: str) -> tuple[Load, ...]:
    def work(view: View) -> tuple[Load, ...]:
        return loads(view, axis, *view.since(_DAYS))

    holder, key = request.app.state, ("desks", axis)
    _, found = await state.run(lambda: counted(state, holder, CaseFilter(), key, work))
    return found


def _policy(state: State) -> Policy:
    return state.intake.pipeline.policies.at(now())
