"""/ui/admin/audit: who did what, looked through, exported, and its chain verified."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from data.files import defuse
from serving.api.admin_keys import SessionsDep, in_session
from serving.security.audit import Link
from serving.store import audit
from serving.store.audit_search import Wanted, all_of, search
from serving.web import trail
from serving.web.auth import Admin
from serving.web.errors import PageError
from serving.web.formats import SHANGHAI, when
from serving.web.frame import HEADERS, audited, labels_of, page, router_for
from serving.web.labels import Labels

router = router_for("/admin/audit")

_SIZE = 50
MOST_EXPORTED = 200_000
_PIECE = 500
_Name = Annotated[str, Query(max_length=128)]
_Day = Annotated[str, Query(max_length=10)]


def asked(
    actor: _Name = "",
    action: _Name = "",
    subject: _Name = "",
    since: Annotated[_Day, Query(alias="from")] = "",
    until: Annotated[_Day, Query(alias="to")] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> tuple[Wanted, dict[str, str]]:
    """What the query asks for, and the query itself. Both days count."""
    fields = {
        "actor": actor.strip(), "action": action.strip(), "subject": subject.strip(),
        "from": since, "to": until,
    }  # fmt: skip
    last = _midnight(until)
    wanted = Wanted(
        before, fields["actor"], fields["action"], fields["subject"],
        _midnight(since), last + timedelta(days=1) if last else None,
    )  # fmt: skip
    return wanted, fields


Asked = Annotated[tuple[Wanted, dict[str, str]], Depends(asked)]


@router.get("")
async def listed(request: Request, _: Admin, makers: SessionsDep, given: Asked) -> Response:
    """Entries, the latest first."""
    wanted, fields = given
    found = await in_session(makers, lambda s: search(s, wanted, _SIZE + 1))
    query = {name: value for name, value in fields.items() if value}
    last = {"before": str(found[_SIZE - 1].seq)} if len(found) > _SIZE else {}
    return page(
        request, "admin_audit.html",
        found=[_line(link, labels_of(request)) for link in found[:_SIZE]],
        actions=trail.actions(), action=trail.action, subject=trail.subject,
        fields=fields, first=wanted.before is None, start=f"?{urlencode(query)}",
        query=urlencode(query), following=f"?{urlencode(query | last)}" if last else "",
    )  # fmt: skip


@router.get("/verify")
async def verify(request: Request, _: Admin, makers: SessionsDep) -> Response:
    """Check the whole chain; that it was checked is recorded, too."""
    verdict = await in_session(makers, audit.verify)
    await audited(
        request, "audit.verified", "audit",
        entries=verdict.checked, breaks=len(verdict.breaks), head=verdict.head.hash,
    )  # fmt: skip
    return page(request, "admin_audit_verify.html", verdict=verdict)


@router.get("/export")
async def export(request: Request, _: Admin, makers: SessionsDep, given: Asked) -> Response:
    """What the filter asks for, as CSV, the latest first."""
    wanted, fields = given
    shown = {name: value for name, value in fields.items() if value}
    await audited(request, "audit.exported", "audit", filter=urlencode(shown))
    pieces = _csv(all_of(makers, wanted, MOST_EXPORTED))
    name = f"audit-{datetime.now(SHANGHAI):%Y%m%d-%H%M}.csv"
    return StreamingResponse(
        iterate_in_threadpool(pieces),
        media_type="text/csv; charset=utf-8",
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
    )


def _line(link: Link, labels: Labels | None) -> dict[str, Any]:
    kind, _, number = link.subject.partition(":")
    return {
        "link": link,
        "at": datetime.fromisoformat(link.at),
        "details": trail.details(orjson.loads(link.details), labels),
        "complaint": number if kind == "complaint" else "",
    }


def _csv(links: Iterable[Link]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    # The byte order mark makes Excel open Chinese CSV files correctly.
    buffer.write("\ufeff")
    writer.writerow(("序号", "时间", "操作人", "操作", "对象", "详情", "散列"))
    for number, link in enumerate(links, 1):
        at = when(datetime.fromisoformat(link.at))
        cells = (link.actor, link.action, link.subject, link.details)
        writer.writerow((link.seq, at, *(defuse(cell) for cell in cells), link.hash))
        if number % _PIECE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece


def _midnight(day: str) -> datetime | None:
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(), SHANGHAI)
    except ValueError as error:
        raise PageError("日期应形如 2026-11-22") from error
