"""GET /v1/audit and /v1/audit/head, for holders of the scope `audit`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from serving.api.admin_keys import SessionsDep, in_session
from serving.api.answers.admin import AuditHead, AuditPage
from serving.api.answers.base import answers
from serving.api.security import AuditCaller
from serving.store import audit

router = APIRouter(prefix="/v1/audit", tags=["audit"])

_Limit = Annotated[int, Query(ge=1, le=1000)]
_Name = Annotated[str | None, Query(max_length=128)]


@router.get(
    "",
    summary="Entries of the audit trail, in their order",
    responses=answers(AuditPage, "A page of entries"),
)
async def entries(
    _: AuditCaller,
    sessions: SessionsDep,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: _Limit = 100,
    subject: _Name = None,
    action: _Name = None,
) -> dict[str, Any]:
    """Entries behind number `after`; `next` is the `after` of the next page, null at the end."""
    wanted = audit.Filter(after, subject, action)
    found = await in_session(sessions, lambda s: audit.page(s, wanted, limit))
    following = found[-1].seq if len(found) == limit else None
    return {"items": [asdict(link) for link in found], "next": following}


@router.get(
    "/head",
    summary="Number and hash of the last entry",
    responses=answers(AuditHead, "The head of the chain"),
)
async def head(_: AuditCaller, sessions: SessionsDep) -> dict[str, Any]:
    """What to keep elsewhere: `suda audit verify --anchor` shows a chain cut or written anew."""
    return asdict(await in_session(sessions, audit.head))
