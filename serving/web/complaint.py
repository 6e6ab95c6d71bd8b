"""/ui/complaints/{id}: everything about one complaint, in order of time, and what can be done."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from sqlalchemy.orm import Session
from ulid import ULID

from serving.api.state import State, StateDep
from serving.cases.search import Scope
from serving.cases.story import Story, story
from serving.security.roles import User
from serving.web.auth import Reviewer
from serving.web.complaint_names import Names
from serving.web.complaint_view import hides, view, words
from serving.web.errors import PageError
from serving.web.frame import audited, page, router_for
from serving.web.reviewing import DeskDep, read
from serving.web.visits import now

router = router_for("/complaints")

Show = Literal["", "handling", "judging", "sending"]
_TABS: tuple[tuple[str, Show], ...] = (
    ("全部", ""), ("处理", "handling"), ("判定与复核", "judging"), ("工单投递", "sending"),
)  # fmt: skip
APPROVERS = {
    "officer": "投诉工作负责人",
    "superior": "上级机构",
    "executive": "总行（总公司）高级管理人员",
}
"""Who may approve an extension: 令2020-3 Art. 18, 令2020-5 Art. 43."""


@router.get("/{complaint_id}")
async def show(
    request: Request,
    complaint_id: str,
    user: Reviewer,
    state: StateDep,
    desk: DeskDep,
    show: Annotated[Show, Query()] = "",
) -> Response:
    """The page. Where a blind review runs, reviewers see what came and nothing made of it."""
    found = await told(state, user, complaint_id)
    policy = desk.policies.at(found.case.received_at)
    at = now()
    seen = view(found, user, policy, at)
    return page(
        request,
        "complaint.html",
        seen=seen,
        here="/ui/cases",
        case=found.case,
        names=Names(desk, policy),
        show=show,
        tabs=_TABS,
        at=at,
        form_id=str(ULID()),
        approvers=APPROVERS,
        departments=[(code, one.name) for code, one in policy.router.departments.items()],
        zone=desk.policies.zone,
        headers={"Cache-Control": "no-store"},
    )


@router.post("/{complaint_id}/reveal")
async def reveal(request: Request, complaint_id: str, user: Reviewer, state: StateDep) -> Response:
    """The words and what came along with their personal data; who looked is kept."""
    found = await told(state, user, complaint_id)
    if found.erased_at is not None:
        raise PageError("客户信息已按要求删除，没有可显示的内容。", status=410)
    await audited(request, "complaint.revealed", f"complaint:{complaint_id}")
    shown = words(found, closed=hides(found.blind, user), revealed=True)
    return page(
        request, "complaint_words.html", seen=shown, revealed=True,
        headers={"Cache-Control": "no-store"},
    )  # fmt: skip


async def told(state: State, user: User, complaint_id: str) -> Story:
    """The story, if it is the user's to see. Raises PageError."""
    return await read(state, lambda s: _told(s, user, complaint_id))


def _told(session: Session, user: User, complaint_id: str) -> Story:
    found = story(session, complaint_id, audited=user.may_see("admin"))
    check_scope(found, user)
    return found


def scope_of(user: User) -> Scope:
    """What a branch's or a department's people see: their own."""
    return Scope(user.branch, user.department)


def check_scope(found: Story, user: User) -> None:
    """Raise PageError for what belongs to another branch or department: as if it were not."""
    if not scope_of(user).holds(found.case):
        raise PageError("没有这件投诉，或者它不属于您的机构或部门。", status=404)
