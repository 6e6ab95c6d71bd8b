"""/ui/find: a complaint by its id, ours or the sender's."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from serving.api.state import StateDep
from serving.cases.search import MOST, find
from serving.web.auth import Reviewer
from serving.web.complaint import scope_of
from serving.web.complaint_names import table
from serving.web.frame import page, redirect, router_for
from serving.web.reviewing import read

router = router_for("/find")


@router.get("")
async def found(
    request: Request,
    user: Reviewer,
    state: StateDep,
    q: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """Straight to the only one; a list where several senders gave the same id."""
    rows = await read(state, lambda s: find(s, q, scope_of(user)))
    if len(rows) == 1:
        return redirect(request, f"/ui/complaints/{rows[0].complaint_id}")
    status = 200 if rows or not q.strip() else 404
    return page(
        request,
        "find.html",
        status=status,
        here="/ui/cases",
        q=q,
        rows=rows,
        most=MOST,
        states=table()["status"],
    )
