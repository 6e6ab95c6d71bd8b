"""/ui/queue: the review queue, filters and kept views, and how far reviewers agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Form, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from serving.api.state import StateDep
from serving.review import agreement, listing, names, views
from serving.review.desk import Desk, Reviewer
from serving.review.wanted import Wanted
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow, ViewRow
from serving.web.auth import Lead
from serving.web.auth import Reviewer as ReviewerUser
from serving.web.frame import Notice, page, redirect, router_for
from serving.web.reviewing import DeskDep, check_everywhere, read, reviewer_of, write
from serving.web.visits import now

router = router_for("/queue")
router.dependencies.append(Depends(check_everywhere))
HERE = "/ui/queue"
PAGE = 50
# Counted no further: nobody needs to know how many thousands.
_COUNTED = 2_000
_WINDOWS = (7, 30, 90)
# What a line shows of the case.
_OF_CASE = (CaseRow.product, CaseRow.reason, CaseRow.urgency, CaseRow.lead)
_KINDS = (
    ("first", "首次复核"),
    ("audit", "抽检"),
    ("double", "双人复核"),
    ("adjudication", "裁定"),
)
_HOURS = (("4", "4 小时以上"), ("24", "1 天以上"), ("72", "3 天以上"), ("168", "7 天以上"))


@dataclass(frozen=True, slots=True)
class Line:
    """An item in the list; what a blind one would tell is None."""

    item: ItemRow
    case: CaseRow
    reasons: list[str]
    brief: list[str]
    held_by: str | None

    @property
    def open(self) -> bool:
        """Whether codes may be shown."""
        return not self.item.blind


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the queue with its counts."""

    lines: list[Line]
    total: int
    capped: bool
    ranks: dict[int, int]
    mine: ItemRow | None
    views: list[ViewRow]


@router.get("")
async def queue(request: Request, user: ReviewerUser, state: StateDep, desk: DeskDep) -> Response:
    """The queue as the reviewer will get it."""
    wanted = Wanted.of(request.query_params)
    number = max(1, min(_int(request.query_params.get("page")), 1_000))
    reviewer = reviewer_of(user)
    found = await read(state, lambda s: _listed(s, desk, reviewer, wanted, number))
    return page(
        request,
        "queue.html",
        found=found,
        wanted=wanted,
        number=number,
        size=PAGE,
        query=urlencode(wanted.as_json()),
        url=f"{HERE}?{urlencode(wanted.as_json())}" if wanted.as_json() else HERE,
        heads=_ranks(desk, found.ranks),
        choices=_choices(desk),
        desk=desk,
    )


@router.post("/views")
async def keep_view(
    request: Request,
    user: ReviewerUser,
    state: StateDep,
    name: str = Form("", max_length=200),
    shared: str = Form("", max_length=8),
    wanted: str = Form("", max_length=2_000),
) -> Response:
    """Keep the filter that is shown, under a name."""
    chosen = Wanted.of(dict(parse_qsl(wanted)))
    reviewer = reviewer_of(user)
    await write(state, lambda s: views.keep(s, reviewer, name, chosen, bool(shared), now()))
    return redirect(request, f"{HERE}?{urlencode(chosen.as_json())}", Notice("已保存视图"))


@router.post("/views/{view_id}/drop")
async def drop_view(
    request: Request, view_id: str, user: ReviewerUser, state: StateDep
) -> Response:
    """Drop a view."""
    await write(state, lambda s: views.drop(s, reviewer_of(user), view_id))
    return redirect(request, HERE, Notice("已删除视图"))


@router.get("/quality")
async def quality(request: Request, _: Lead, state: StateDep, desk: DeskDep) -> Response:
    """Kappa of each head over the second opinions of a time, and where opinions part."""
    days = _int(request.query_params.get("days"))
    days = days if days in _WINDOWS else _WINDOWS[1]
    until = now()
    found = await read(state, lambda s: agreement.pairs(s, until - timedelta(days=days), until))
    apart = [pair for pair in found if pair.first != pair.second]
    return page(
        request,
        "queue_quality.html",
        days=days,
        windows=_WINDOWS,
        pairs=found,
        apart=list(reversed(apart))[:50],
        kappas=agreement.by_head(found),
        desk=desk,
    )


def _listed(
    session: Session, desk: Desk, reviewer: Reviewer, wanted: Wanted, number: int
) -> Listed:
    at = now()
    rows, total = listing.listed(
        session, desk, reviewer, wanted, at,
        limit=PAGE, offset=(number - 1) * PAGE, most=_COUNTED + 1,
    )  # fmt: skip
    ids = [row.complaint_id for row in rows]
    cases = select(CaseRow).where(CaseRow.complaint_id.in_(ids)).options(load_only(*_OF_CASE))
    found = {case.complaint_id: case for case in session.scalars(cases)}
    return Listed(
        lines=[
            Line(
                row,
                found[row.complaint_id],
                names.reasons(row, desk),
                names.brief(row),
                listing.holder(row, at),
            )
            for row in rows
        ],
        total=min(total, _COUNTED),
        capped=total > _COUNTED,
        ranks=listing.by_rank(session),
        mine=listing.mine(session, reviewer, at),
        views=views.usable(session, reviewer),
    )


def _ranks(desk: Desk, counts: dict[int, int]) -> list[tuple[str, str, int]]:
    """(code, name, open items) of each level of urgency."""
    head = desk.policies.at(now()).roles.urgency
    if head is None:
        return []
    labels = desk.taxonomy[head]
    return [
        (code, labels.by_code[code].name, counts.get(rank, 0))
        for rank, code in enumerate(labels.leaves)
    ]


def _choices(desk: Desk) -> dict[str, Any]:
    """What each filter may be set to."""
    policy = desk.policies.at(now())
    found: dict[str, Any] = {"kind": _KINDS, "hours": _HOURS}
    for part in ("product", "reason", "urgency"):
        head = getattr(policy.roles, part)
        found[part] = (
            [
                ("　" * (len(desk.taxonomy[head].path(label.code)) - 1) + label.name, label.code)
                for label in desk.taxonomy[head]
            ]
            if head
            else []
        )
        found[part] = [(code, name) for name, code in found[part]]
    found["lead"] = [(d.code, d.name) for d in policy.pack.departments.departments]
    channel = desk.taxonomy.fields.get("channel")
    found["channel"] = list(channel.codes.items()) if channel else []
    found["why"] = list(names.NAMES.items())
    return found


def _int(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 6 else 0
