"""/ui/admin/models/shadow: how the shadow does beside what was heard."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from sqlalchemy.orm import Session

from serving.api.admin_keys import in_session
from serving.api.state import StateDep
from serving.models.compare import HEAD, LEAD, REVIEW, URGENCY
from serving.models.report import agreement
from serving.store import shadow as store
from serving.web.auth import Admin
from serving.web.frame import labels_of, page, router_for
from serving.web.labels import Labels

router = router_for("/admin/models/shadow")

_SIZE = 50
_Name = Annotated[str, Query(max_length=128)]


@router.get("")
async def shown(
    request: Request,
    state: StateDep,
    _: Admin,
    version: _Name = "",
    field: _Name = "",
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> Response:
    """Agreement by field, and the complaints on which the two differ."""
    present = state.models.lineup.shadow
    name = version or (present.version if present else "")

    def read(session: Session) -> tuple[list[store.Count], list[tuple[int, store.Result]]]:
        wanted = store.Wanted(name, None, field or None, after)
        return store.counts(session, name), store.page(session, wanted, _SIZE)

    counts, found = await in_session(state.intake.store.session, read)
    labels = labels_of(request)
    query = {"version": name, "field": field, "after": found[-1][0] if found else 0}
    return page(
        request,
        "admin_shadow.html",
        version=name,
        present=present.version if present else None,
        field=field,
        fields=[(f, title(labels, f)) for f in dict.fromkeys(count.field for count in counts)],
        agreement=[{**one, "title": title(labels, one["field"])} for one in agreement(counts)],
        found=[_line(labels, result) for _, result in found],
        after=after,
        following=f"?{urlencode(query)}" if len(found) == _SIZE else "",
    )


def title(labels: Labels | None, field: str) -> str:
    """What a field of a comparison is called."""
    if field.startswith(HEAD):
        head = field.removeprefix(HEAD)
        known = labels is not None and head in labels.taxonomy
        return f"{labels.taxonomy[head].title if labels and known else head}（模型）"
    return {URGENCY: "紧急程度", LEAD: "主办部门", REVIEW: "是否复核"}.get(field, field)


def value(labels: Labels | None, field: str, code: Any) -> str:
    """What one of the two said."""
    if isinstance(code, bool):
        return "需复核" if code else "不需复核"
    if code is None or labels is None:
        return str(code or "—")
    if field == LEAD:
        return labels.department(str(code))
    if field == URGENCY:
        return labels.of("urgency", str(code))
    head = field.removeprefix(HEAD)
    return labels.path(head, str(code)) if head in labels.taxonomy else str(code)


def _line(labels: Labels | None, result: store.Result) -> dict[str, Any]:
    return {
        "complaint_id": result.complaint_id,
        "at": result.at,
        "differs": [
            (
                title(labels, field),
                value(labels, field, result.fields[field]["champion"]),
                value(labels, field, result.fields[field]["shadow"]),
            )
            for field in result.differs
        ],
    }
