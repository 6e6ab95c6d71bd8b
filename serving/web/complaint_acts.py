"""What people do on the page of a complaint: record events, extend clocks, send orders again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Form, Request, Response
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from data.errors import ConflictError, InputError, WrongStateError
from serving.api.events import tell
from serving.api.state import State, StateDep
from serving.cases.desk import Desk, Taken
from serving.cases.events import Event
from serving.cases.extensions import Extension, offered
from serving.cases.machine import machine
from serving.cases.story import story
from serving.outbox.replay import replay_one
from serving.review.transaction import writing
from serving.security.roles import User
from serving.store.faults import translated
from serving.store.rows.outbox import OutboxRow
from serving.web.auth import Admin, Lead, Reviewer
from serving.web.complaint import APPROVERS, check_scope
from serving.web.complaint_names import Names
from serving.web.complaint_view import FOR_LEADS
from serving.web.errors import PageError
from serving.web.frame import Notice, redirect, router_for
from serving.web.reviewing import DeskDep, write
from serving.web.visits import now

router = router_for("/complaints")

WORKBENCH = "workbench"
"""The source of events that were recorded on this page."""

# 令2020-3 Art. 18: a further extension is approved by the institution above or the head office.
_HIGHER = frozenset({"superior", "executive"})
_LONGEST = 2_000
_Short = Annotated[str, Form(max_length=128)]
_Long = Annotated[str, Form(max_length=_LONGEST)]


@router.post("/{complaint_id}/events")
async def record(
    request: Request,
    complaint_id: str,
    user: Reviewer,
    state: StateDep,
    desk: DeskDep,
    kind: _Short,
    form_id: _Short,
    at: _Short = "",
    note: _Long = "",
) -> Response:
    """Record what happened; the same form sent twice counts once."""
    if kind in FOR_LEADS and not user.at_least("lead"):
        raise PageError("此事项须由组长登记。", status=403)
    form, zone = await request.form(), desk.policies.zone
    body = {
        field: _value(field, value, zone)
        for field in machine().fields
        if isinstance(value := form.get(field), str) and value.strip()
    }
    names = Names(desk, desk.policies.at(now()))

    def event(session: Session) -> Event:
        if kind == "extended":
            raise PageError("延期请用延期申请表登记。")
        return _event(session, user, complaint_id, kind, body, at, note, form_id, zone)

    await _take(state, user, event, names)
    return redirect(
        request, f"/ui/complaints/{complaint_id}", Notice(f"已登记：{names.event(kind)}")
    )


@router.post("/{complaint_id}/extension")
async def extend(
    request: Request,
    complaint_id: str,
    user: Lead,
    state: StateDep,
    desk: DeskDep,
    form_id: _Short,
    extension: _Short,
    approver: _Short,
    level: _Short,
    told_at: _Short,
    reason: _Long,
    proof: _Short,
    at: _Short = "",
) -> Response:
    """Extend a clock that has not run out: approved, explained, and told to the customer."""
    zone = desk.policies.zone
    names = Names(desk, desk.policies.at(now()))
    for field, said in (("审批人", approver), ("延期理由", reason), ("告知凭证", proof)):
        if not said.strip():
            raise PageError(f"请填写{field}。")
    if level not in APPROVERS:
        raise PageError("请选择审批人身份。")

    def event(session: Session) -> Event:
        found = story(session, complaint_id)
        policy = desk.policies.at(found.case.received_at)
        known = offered([one.row for one in found.clocks], found.standing.answer, policy)
        chosen = next((one for one in known.values() if one.id == extension), None)
        _check(chosen, level)
        body = {
            "extension": extension,
            "clock": chosen.clock if chosen else None,
            "approver": f"{approver.strip()}（{APPROVERS[level]}）",
            "told_at": _time(told_at, zone),
        }
        note = f"{reason.strip()}\n告知凭证：{proof.strip()}"
        return _event(session, user, complaint_id, "extended", body, at, note, form_id, zone)

    await _take(state, user, event, names)
    return redirect(request, f"/ui/complaints/{complaint_id}", Notice("延期已登记，期限已顺延"))


@router.post("/{complaint_id}/messages/{message_id}/replay")
async def send_again(
    request: Request, complaint_id: str, message_id: str, user: Admin, state: StateDep
) -> Response:
    """Send a dead letter of the complaint once more."""

    def work(session: Session) -> None:
        row = session.get(OutboxRow, message_id)
        if row is None or row.complaint_id != complaint_id:
            raise PageError("没有这份工单。", status=404)
        replay_one(session, message_id, user.actor, now())

    await write(state, work)
    return redirect(request, f"/ui/complaints/{complaint_id}", Notice("工单已重新投递"))


def _check(chosen: Extension | None, level: str) -> None:
    if chosen is None:
        raise PageError("该时限不能再延，或已办结。", status=409)
    if chosen.further and level not in _HIGHER:
        raise PageError("再次延长须经上级机构或总行（总公司）高级管理人员审批。")


def _event(
    session: Session,
    user: User,
    complaint_id: str,
    kind: str,
    body: dict[str, Any],
    at: str,
    note: str,
    form_id: str,
    zone: ZoneInfo,
) -> Event:
    found = story(session, complaint_id)
    check_scope(found, user)
    by_customer = machine().kinds[kind].from_ is None if kind in machine().kinds else False
    return Event(
        complaint_id,
        kind,
        user.login,
        at=_time(at, zone) if at.strip() else None,
        department=None if by_customer else user.department or found.case.lead,
        body={key: value for key, value in body.items() if value is not None},
        note=note.strip() or None,
        source=WORKBENCH,
        event_id=form_id,
    )


async def _take(state: State, user: User, event: Any, names: Names) -> None:
    """In one transaction, with all that follows. Raises PageError in words for the user."""

    def run() -> Taken:
        desk = Desk.of(state.intake.pipeline)
        with writing(state.intake.store.session) as session:
            return desk.take(session, event(session), user.actor, now())

    def twice() -> Taken:
        """Once more where the same form arrived at this very moment."""
        try:
            return run()
        except IntegrityError:
            return run()

    try:
        taken = await state.run(twice)
    except WrongStateError as error:
        said = "该时限已过或已完成" if error.field == "extension" else "投诉现在的状态不允许此操作"
        raise PageError(f"{said}，请刷新页面后再看。", status=409) from error
    except ConflictError as error:
        raise PageError("这张表已提交过，请刷新页面后再登记。", status=409) from error
    except InputError as error:
        field = names.of("field", (error.field or "").rpartition(".")[2])
        raise PageError(f"“{field}”填写有误，请检查后再提交。") from error
    except SQLAlchemyError as error:
        raise translated(error) from error
    tell(state, taken)


def _value(field: str, written: str, zone: ZoneInfo) -> Any:
    return _time(written, zone) if machine().fields[field].type == "time" else written.strip()


def _time(written: str, zone: ZoneInfo) -> datetime:
    """A time as a browser's field gives it, on the bank's own clock."""
    try:
        found = datetime.fromisoformat(written.strip())
    except ValueError as error:
        raise PageError("时间填写有误。") from error
    return found if found.tzinfo else found.replace(tzinfo=zone)
