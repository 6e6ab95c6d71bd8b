"""/ui/admin/deliveries: the outbox and its dead letters, sent once more."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Form, Query, Request, Response
from sqlalchemy.orm import Session

from data.errors import WrongStateError
from serving.api.admin_keys import in_session
from serving.api.state import StateDep
from serving.intake import now
from serving.outbox import departments
from serving.outbox.replay import replay_department, replay_one
from serving.store import outbox
from serving.store.deliveries import Standing, standings
from serving.store.outbox import DEAD, DELIVERED, PENDING
from serving.store.rows.outbox import OutboxRow
from serving.web.auth import Admin
from serving.web.errors import PageError
from serving.web.frame import Notice, page, redirect, router_for

router = router_for("/admin/deliveries")
HERE = "/ui/admin/deliveries"
_SIZE = 50
STATES = ((DEAD, "投递失败"), (PENDING, "等待投递"), (DELIVERED, "已送达"))
KINDS = {"order": "派单", "withdrawal": "撤回", "escalation": "升级"}
PARTS = {
    "lead": "主办", "assisting": "协办", "investigator": "调查", "copy": "抄送",
    "escalation": "升级",
}  # fmt: skip

_State = Literal["", "dead", "pending", "delivered"]


@router.get("")
async def listed(
    request: Request,
    state: StateDep,
    _: Admin,
    which: Annotated[_State, Query(alias="state")] = DEAD,  # type: ignore[assignment]
    department: Annotated[str, Query(max_length=48)] = "",
    before: Annotated[str, Query(max_length=26)] = "",
) -> Response:
    """Messages, the latest first, and how each department stands."""
    policy = state.intake.pipeline.policies.at(now())

    def read(session: Session) -> tuple[list[OutboxRow], dict[str, Standing], dict[str, bool]]:
        wanted = outbox.Filter(before or None, department or None, None, which or None)
        told = departments.destinations(session, policy, now())
        on = {code: one.enabled for code, one in told.items()}
        return outbox.page(session, wanted, _SIZE), standings(session), on

    found, stands, on = await in_session(state.intake.store.session, read)
    query = {"state": which, "department": department}
    last = {"before": found[-1].id} if found else {}
    return page(
        request, "admin_deliveries.html",
        found=found, stands={c: s for c, s in stands.items() if s.pending or s.dead or on.get(c)},
        on=on, states=STATES, kinds=KINDS, parts=PARTS, which=which, department=department,
        departments=[(d.code, d.name) for d in policy.router.departments.values()],
        delivering=state.settings.outbox == "on", first=not before,
        start=f"?{urlencode(query)}",
        following=f"?{urlencode(query | last)}" if len(found) == _SIZE else "",
    )  # fmt: skip


@router.post("/replay")
async def replay_all(
    request: Request,
    state: StateDep,
    user: Admin,
    department: Annotated[str, Form(max_length=48)] = "",
) -> Response:
    """Send all dead letters of a department once more; of all departments, where none is named."""

    def work(session: Session) -> int:
        named = [department] if department else [c for c, s in standings(session).items() if s.dead]
        return sum(replay_department(session, code, user.actor, now()) for code in sorted(named))

    count = await in_session(state.intake.store.session, work)
    return redirect(request, HERE, Notice(f"已重新投递 {count} 件"))


@router.post("/{message_id}/replay")
async def replay(request: Request, message_id: str, state: StateDep, user: Admin) -> Response:
    """Send one dead letter once more."""
    try:
        await in_session(
            state.intake.store.session, lambda s: replay_one(s, message_id, user.actor, now())
        )
    except WrongStateError as error:
        raise PageError("该工单已在投递或已送达，无需重发", status=409) from error
    return redirect(request, HERE, Notice("已重新投递，结果稍后显示"))
