"""/ui/queue/items: one complaint under review, and everything a key does to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from data.errors import OverloadedError
from serving.api.state import State, StateDep
from serving.review import acts, claims, names, rescoring, skipping
from serving.review.catalogue import catalogue
from serving.review.choice import Choice
from serving.review.desk import Desk, Reviewer
from serving.review.preview import Preview
from serving.review.preview import preview as previewed
from serving.review.sight import Sight, sight
from serving.review.submit import Submitted
from serving.review.submit import submit as submitted
from serving.review.undo import undo as undone
from serving.review.wanted import Wanted
from serving.store.rows.review import ItemRow
from serving.web.auth import Reviewer as ReviewerUser
from serving.web.frame import audited, page, router_for
from serving.web.reviewing import DeskDep, check_everywhere, read, reviewer_of, write
from serving.web.visits import now

router = router_for("/queue")
router.dependencies.append(Depends(check_everywhere))
HERE = "/ui/queue"
# Longest that a reviewer waits for a newer model's suggestion.
_RESCORED_WITHIN = 2.0


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NextBody(_Body):
    """The filter within which the next item is wanted."""

    wanted: dict[str, str | int] = Field(default_factory=dict, max_length=20)


class LabelsBody(_Body):
    """Codes by head."""

    labels: dict[str, str] = Field(max_length=64)


class SubmitBody(NextBody):
    """A reviewer's word on an item of that version."""

    labels: dict[str, str] = Field(max_length=64)
    version: int
    comment: str = Field("", max_length=2_000)
    why_below: str = Field("", max_length=2_000)


class SkipBody(NextBody):
    """Why an item is passed on."""

    version: int
    reason: str = Field(max_length=32)
    note: str = Field("", max_length=2_000)


@router.post("/next")
async def next_item(
    body: NextBody, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> dict[str, Any]:
    """Claim the next item; where it is, None if there is none."""
    return {"url": await _next(state, desk, reviewer_of(user), body.wanted)}


@router.get("/labels.json")
async def labels(
    _: ReviewerUser,
    state: StateDep,
    desk: DeskDep,
    v: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """All labels, kept by the browser for as long as the taxonomy is the same."""
    kept = "private, max-age=31536000, immutable" if v == desk.taxonomy.stamp else "no-store"
    # The first time it spells every name.
    found = await state.run(lambda: catalogue(desk.taxonomy))
    return JSONResponse(found, headers={"Cache-Control": kept})


@router.post("/undo")
async def undo(user: ReviewerUser, state: StateDep, desk: DeskDep) -> dict[str, Any]:
    """Take back one's last submission; where its item is."""
    row = await write(state, lambda s: undone(s, desk, reviewer_of(user), now()))
    return {"url": f"{HERE}/items/{row.id}"}


@router.get("/items/{item_id}")
async def item(
    request: Request, item_id: str, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> Response:
    """The page. Looking claims nothing."""
    wanted = Wanted.of(request.query_params)
    reviewer = reviewer_of(user)
    seen, standing = await read(state, lambda s: _seen(s, desk, item_id, reviewer))
    row = seen.item
    return page(
        request,
        "item.html",
        seen=seen,
        item=row,
        mine=not standing,
        standing=standing,
        reasons=names.reasons(row, desk),
        skips=skipping.REASONS,
        wanted=wanted.as_json(),
        query=urlencode(wanted.as_json()),
        stamp=desk.taxonomy.stamp,
        lease=int(desk.terms.lease.total_seconds()),
        desk=desk,
        headers={"Cache-Control": "no-store"},
    )


@router.post("/items/{item_id}/claim")
async def claim(item_id: str, user: ReviewerUser, state: StateDep, desk: DeskDep) -> dict[str, Any]:
    """Claim this very item, to begin with it or after a lease ran out."""
    row = await write(state, lambda s: claims.claim(s, desk, reviewer_of(user), item_id, now()))
    await _rescore(state, row)
    return {"url": f"{HERE}/items/{row.id}", "version": row.version}


@router.post("/items/{item_id}/heartbeat")
async def heartbeat(
    item_id: str, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> dict[str, Any]:
    """The browser is still there."""
    until = await write(
        state, lambda s: claims.heartbeat(s, desk, reviewer_of(user), item_id, now())
    )
    return {"until": until.isoformat()}


@router.post("/items/{item_id}/release", status_code=204)
async def release(item_id: str, user: ReviewerUser, state: StateDep) -> None:
    """Give the item back."""
    await write(state, lambda s: claims.release(s, reviewer_of(user), item_id, now()))


@router.post("/items/{item_id}/preview")
async def preview(
    item_id: str, body: LabelsBody, _: ReviewerUser, state: StateDep, desk: DeskDep
) -> dict[str, Any]:
    """What would hold with these labels. Nothing is written."""
    found = await read(state, lambda s: previewed(s, desk, item_id, body.labels, now()))
    return _preview_json(found)


@router.post("/items/{item_id}/submit")
async def submit(
    item_id: str, body: SubmitBody, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> dict[str, Any]:
    """Take the reviewer's word, and claim the next item."""
    reviewer = reviewer_of(user)
    chosen = Choice(body.labels, body.comment, body.why_below)

    def work(session: Session) -> Submitted:
        return submitted(session, desk, reviewer, item_id, chosen, now(), version=body.version)

    done = await write(state, work)
    url = await _next(state, desk, reviewer, body.wanted)
    return {"url": url, "changed": list(done.changed), "decided": done.decision_id is not None}


@router.post("/items/{item_id}/skip")
async def skip(
    item_id: str, body: SkipBody, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> dict[str, Any]:
    """Pass the item on, and claim the next one."""
    reviewer = reviewer_of(user)

    def work(session: Session) -> None:
        skipping.skip(session, reviewer, item_id, body.version, body.reason, body.note, now())

    await write(state, work)
    return {"url": await _next(state, desk, reviewer, body.wanted)}


@router.post("/items/{item_id}/reveal")
async def reveal(
    request: Request, item_id: str, user: ReviewerUser, state: StateDep, desk: DeskDep
) -> Response:
    """The text with its personal data; who looked is kept."""
    seen = await read(state, lambda s: sight(s, desk, item_id, revealed=True))
    await audited(
        request, "complaint.revealed", f"complaint:{seen.item.complaint_id}", item=item_id
    )

    def work(session: Session) -> None:
        acts.write(session, claims.find(session, item_id), "revealed", user.login, now())

    await write(state, work)
    return page(request, "item_text.html", seen=seen, headers={"Cache-Control": "no-store"})


def _seen(session: Session, desk: Desk, item_id: str, reviewer: Reviewer) -> tuple[Sight, str]:
    """The item, and in whose hands it is; nothing where it is the reviewer's."""
    seen = sight(session, desk, item_id)
    row = seen.item
    mine = row.state == "open" and row.claimed_by == reviewer.who and _live(row)
    return seen, "" if mine else claims.lost(session, row, reviewer, now())


async def _next(
    state: State, desk: Desk, reviewer: Reviewer, wanted: Mapping[str, Any]
) -> str | None:
    asked = Wanted.of(wanted)

    def work(session: Session) -> ItemRow | None:
        # Fairness needs no secret randomness.
        return claims.claim_next(session, desk, reviewer, now(), asked, draw=random.random)

    row = await write(state, work)
    if row is None:
        return None
    await _rescore(state, row)
    query = urlencode(asked.as_json())
    return f"{HERE}/items/{row.id}" + (f"?{query}" if query else "")


async def _rescore(state: State, row: ItemRow) -> None:
    """Ask the model that serves where another made the suggestion; else the old one is shown."""
    pipeline = state.intake.pipeline
    version = pipeline.classifier.version
    complaint = await read(state, lambda s: rescoring.outdated(s, row.id, version))
    if complaint is None:
        return
    complaint_id = row.complaint_id
    try:
        (ticket,) = state.engine.admit(
            [lambda _: pipeline.decide(complaint, complaint_id)], within=_RESCORED_WITHIN
        )
    except OverloadedError:
        return
    future = asyncio.wrap_future(ticket.future)
    await asyncio.wait({future}, timeout=_RESCORED_WITHIN)
    if not future.done() or future.cancelled() or future.exception() is not None:
        future.cancel()
        return
    answer = future.result()
    await write(state, lambda s: rescoring.suggest(s, row.id, answer))


def _live(row: ItemRow) -> bool:
    return row.lease_until is not None and row.lease_until > now()


def _preview_json(found: Preview) -> dict[str, Any]:
    return {
        "lead": found.lead,
        "assisting": found.assisting,
        "investigator": found.investigator,
        "copies": found.copies,
        "deadlines": [
            {
                "name": due.name,
                "limit": due.limit,
                "due_at": due.due_at.isoformat(),
                "basis": due.basis,
                "statutory": due.statutory,
            }
            for due in found.deadlines
        ],
        "changes": found.changes,
        "below": found.below,
    }
