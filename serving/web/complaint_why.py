"""Parts of a complaint's page that are asked for: why it is decided so, replay, what is related."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request, Response

from data.records import Complaint
from data.text.normalise import normalise
from serving.api.state import State, StateDep
from serving.cases.changes import Change, changes
from serving.cases.search import customer_of, related
from serving.cases.story import Story
from serving.pipeline import Pipeline
from serving.review.answers import complaint_of
from serving.review.masking import hide
from serving.security.roles import User
from serving.triage.explain import Explanation, explain
from serving.web.auth import Reviewer
from serving.web.complaint import scope_of, told
from serving.web.complaint_names import Names
from serving.web.complaint_view import hides
from serving.web.errors import PageError
from serving.web.frame import page, router_for
from serving.web.reviewing import DeskDep, read
from serving.web.visits import now

router = router_for("/complaints")
T = TypeVar("T")

# Longest that somebody at the page waits for the model.
_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Read:
    """An explanation in words without personal data; `hidden` is as long as the original."""

    explanation: Explanation
    clauses: tuple[str, ...]
    hidden: str


@router.get("/{complaint_id}/replay")
async def replay(
    request: Request, complaint_id: str, user: Reviewer, state: StateDep, desk: DeskDep
) -> Response:
    """Decide the words once more by what serves now, and show the difference; nothing is kept."""
    found, complaint = await _open(state, user, complaint_id)
    pipeline = state.intake.pipeline
    answer = await _by_engine(state, lambda: pipeline.decide(complaint, complaint_id))
    first = next(one for one in reversed(found.decisions) if one.by is None)
    against: list[tuple[str, tuple[Change, ...]]] = [
        ("现行判定", changes(found.standing.answer, answer))
    ]
    if first is not found.standing:
        against.append(("模型当时的判定", changes(first.answer, answer)))
    names = Names(desk, desk.policies.at(found.case.received_at))
    return page(
        request, "complaint_replay.html", answer=answer, against=against, names=names,
        standing=found.standing.answer,
    )  # fmt: skip


@router.get("/{complaint_id}/explain")
async def explained(
    request: Request, complaint_id: str, user: Reviewer, state: StateDep, desk: DeskDep
) -> Response:
    """Clauses, quantities, rules that fired or were taken back, routes that were considered."""
    found, complaint = await _open(state, user, complaint_id)
    pipeline = state.intake.pipeline
    seen = await _by_engine(state, lambda: _explained(pipeline, complaint))
    names = Names(desk, desk.policies.at(found.case.received_at))
    return page(request, "complaint_explain.html", seen=seen, names=names)


@router.get("/{complaint_id}/related")
async def relatives(
    request: Request, complaint_id: str, user: Reviewer, state: StateDep
) -> Response:
    """Complaints of the same customer, and of nearly the same words."""
    found, _ = await _open(state, user, complaint_id)
    field = state.settings.customer_field
    seen = await read(state, lambda s: related(s, found.complaint, field, scope_of(user), now()))
    named = customer_of(found.complaint, field) is not None
    return page(request, "complaint_related.html", seen=seen, field=field, named=named)


async def _open(state: State, user: User, complaint_id: str) -> tuple[Story, Complaint]:
    found = await told(state, user, complaint_id)
    if found.erased_at is not None:
        raise PageError("客户信息已按要求删除，无法再次分析。", status=410)
    if hides(found.blind, user):
        raise PageError("该投诉正在盲审，提交后方可查看。", status=403)
    return found, await read(state, lambda s: complaint_of(s, found.case))


async def _by_engine(state: State, work: Callable[[], T]) -> T:
    """Among the complaints that come in, behind none of them for longer than somebody waits."""
    (ticket,) = state.engine.admit([lambda _: work()], within=_WITHIN)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(ticket.future), _WITHIN)
    except TimeoutError as error:
        raise PageError("系统繁忙，请稍后再试。", status=503) from error


def _explained(pipeline: Pipeline, complaint: Complaint) -> Read:
    text = normalise(complaint.text)
    policy = pipeline.policies.at(complaint.received_at)
    prediction = pipeline.classifier.predict(text, top_k=pipeline.top_k)
    found = explain(complaint, text, policy, pipeline.taxonomy, prediction)
    return Read(found, _hidden_clauses(found), hide(complaint.text).text)


def _hidden_clauses(found: Explanation) -> tuple[str, ...]:
    """Cut again from the whole without personal data: a piece of a number is not known for one."""
    whole = hide(found.normalised).text
    ends = [0, *itertools.accumulate(len(clause) for clause in found.clauses)]
    return tuple(whole[a:b] for a, b in itertools.pairwise(ends))
