"""/ui/bulk: decide many alike complaints at once, and take that back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from data.taxonomy.schema import Head, Taxonomy
from serving.api.state import StateDep
from serving.review import bulk, clusters
from serving.review.answers import model_answer
from serving.review.choice import Choice
from serving.review.claims import find
from serving.review.desk import Desk, Reviewer
from serving.review.difference import codes
from serving.review.masking import hide
from serving.review.wanted import Wanted
from serving.store.rows.review import BulkRow
from serving.store.tables import ComplaintRow
from serving.web.auth import Reviewer as ReviewerUser
from serving.web.frame import Notice, page, redirect, router_for
from serving.web.reviewing import DeskDep, check_everywhere, read, reviewer_of
from serving.web.visits import now

router = router_for("/bulk")
router.dependencies.append(Depends(check_everywhere))
HERE = "/ui/bulk"
_SAMPLES = 8
_LEFT_OUT = {"audit": "抽检", "urgent": "特急", "held": "他人正在复核"}
_REFUSED = {
    "stale_item": "已被他人处理",
    "invalid_input": "规则要求更高级别或标签不全",
    "not_found": "内容已删除",
    "cannot_undo": "之后已有人接着处理",
}


@dataclass(frozen=True, slots=True)
class Picked:
    """What would be decided: how many, a sample of the words, what the model says of them most."""

    chosen: bulk.Chosen
    samples: list[tuple[str, str]]
    usual: dict[str, str]


@dataclass(frozen=True, slots=True)
class Overview:
    """The page: what is picked, groups to pick from, what was done before."""

    picked: Picked | None
    groups: list[clusters.Cluster]
    done: list[BulkRow]


@router.get("")
async def overview(
    request: Request, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> Response:
    """Choose by filter or group; see how many and a sample."""
    wanted = Wanted.of(request.query_params)
    severe = bool(request.query_params.get("severe")) and user.at_least("lead")
    reviewer = reviewer_of(user)
    found = await read(state, lambda s: _overview(s, desk, reviewer, wanted, severe))
    return page(
        request,
        "bulk.html",
        found=found,
        query=urlencode(wanted.as_json()),
        wanted=wanted,
        severe=severe,
        heads=_heads(desk.taxonomy),
        left_out=_LEFT_OUT,
        refused=_REFUSED,
        most=desk.terms.bulk,
        hide=lambda text: hide(text).text,
        desk=desk,
    )


@router.post("")
async def decide(request: Request, user: ReviewerUser, state: StateDep, desk: DeskDep) -> Response:
    """Put the labels on all that was shown."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    wanted = Wanted.of(dict(parse_qsl(form.get("wanted", "")[:2_000])))
    labels = {
        name.removeprefix("label."): code
        for name, code in form.items()
        if name.startswith("label.") and code
    }
    chosen = Choice(labels, form.get("comment", ""), form.get("why_below", ""))
    reviewer, sessions = reviewer_of(user), state.intake.store.session
    severe = bool(form.get("severe"))
    done = await state.run(
        lambda: bulk.decide(
            sessions, desk, reviewer, wanted, chosen, form.get("stamp", ""), now(), severe=severe
        )
    )
    return redirect(request, HERE, Notice(_told("已处理", done), _tone(done)))


@router.post("/{bulk_id}/undo")
async def undo(
    request: Request, bulk_id: str, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> Response:
    """Take all of it back."""
    reviewer, sessions = reviewer_of(user), state.intake.store.session
    done = await state.run(lambda: bulk.undo(sessions, desk, reviewer, bulk_id, now()))
    return redirect(request, HERE, Notice(_told("已撤销", done), _tone(done)))


def _overview(
    session: Session, desk: Desk, reviewer: Reviewer, wanted: Wanted, severe: bool
) -> Overview:
    if not wanted.as_json():
        return Overview(None, clusters.clusters(session), bulk.listed(session))
    chosen = bulk.choose(session, desk, reviewer, wanted, now(), severe=severe)
    shown = chosen.items[:_SAMPLES]
    ids = [item.complaint_id for item in shown]
    query = select(ComplaintRow.id, ComplaintRow.text).where(ComplaintRow.id.in_(ids))
    texts = dict(session.execute(query).all())
    samples = [(item.id, texts.get(item.complaint_id, "")) for item in shown]
    usual = codes(model_answer(session, find(session, shown[0].id))) if shown else {}
    return Overview(Picked(chosen, samples, usual), [], [])


def _heads(taxonomy: Taxonomy) -> list[tuple[Head, list[tuple[str, str]]]]:
    return [
        (
            head,
            [
                (code, " / ".join(head.by_code[c].name for c in head.path(code)))
                for code in head.leaves
            ],
        )
        for head in taxonomy.heads
    ]


def _told(what: str, done: bulk.Applied) -> str:
    refused = sum(done.refused.values())
    why = "、".join(f"{_REFUSED.get(code, code)} {n} 条" for code, n in done.refused.items())
    return f"{what} {done.applied} 条" + (f"，{refused} 条没有处理：{why}" if refused else "")


def _tone(done: bulk.Applied) -> Any:
    return "warn" if done.refused else "good"
