"""/ui/admin/taxonomy: what can be said of a complaint, and how often it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from data.taxonomy.schema import Head, Label
from serving.api.looking import look
from serving.api.state import State, StateDep
from serving.boards.filter import CaseFilter
from serving.intake import now
from serving.web.auth import Admin
from serving.web.frame import page, router_for

router = router_for("/admin/taxonomy")

_DAYS = 90


@dataclass(frozen=True)
class Node:
    """A label with those below it; `count` is of complaints at or below it, None if unknown."""

    label: Label
    path: str
    count: int | None
    href: str
    children: tuple[Node, ...]


@router.get("")
async def shown(
    request: Request,
    state: StateDep,
    _: Admin,
    head: Annotated[str, Query(max_length=64)] = "",
    q: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """One head: its tree, or the labels in which `q` stands."""
    taxonomy = state.intake.pipeline.taxonomy
    chosen = taxonomy[head] if head in taxonomy else taxonomy.heads[0]
    counts, since = await _counts(state, request, chosen)
    tree = tree_of(chosen, counts, since)
    wanted = q.strip()
    return page(
        request,
        "admin_taxonomy.html",
        taxonomy=taxonomy,
        head=chosen,
        tree=tree,
        found=[node for node in _all(tree) if _holds(node, wanted)] if wanted else None,
        q=wanted,
        days=_DAYS,
        counted=counts is not None,
        tabs=[
            (one.title, f"?{urlencode({'head': one.name})}", len(one.leaves))
            for one in taxonomy.heads
        ],
        tab=f"?{urlencode({'head': chosen.name})}",
    )


def tree_of(head: Head, counts: tuple[str, Mapping[str, int]] | None, since: str) -> list[Node]:
    """The roots of a head with all below them; `counts` are of single codes of an axis."""
    below: dict[str | None, list[Label]] = {}
    for label in head:
        below.setdefault(label.parent, []).append(label)

    def node(label: Label) -> Node:
        children = tuple(node(child) for child in below.get(label.code, ()))
        path = " / ".join(head.by_code[step].name for step in head.path(label.code))
        if counts is None:
            return Node(label, path, None, "", children)
        axis, single = counts
        total = single.get(label.code, 0) + sum(child.count or 0 for child in children)
        href = f"/ui/cases?{urlencode({axis: label.code, 'from': since})}"
        return Node(label, path, total, href, children)

    return [node(label) for label in below.get(None, [])]


async def _counts(
    state: State, request: Request, head: Head
) -> tuple[tuple[str, Mapping[str, int]] | None, str]:
    """How many complaints of the last days carry each code, for heads that play a part."""
    roles = state.intake.pipeline.policies.at(now()).roles
    parts = {getattr(roles, part): part for part in ("product", "reason", "urgency")}
    axis = parts.get(head.name)
    if axis is None:
        return None, ""

    def work() -> tuple[Mapping[str, int], str]:
        view = look(state, request.app.state, CaseFilter(), wait=False)
        first, end = view.since(_DAYS)
        return view.facts[axis].counts(view.between(first, end)), first.isoformat()

    single, since = await state.run(work)
    return (axis, single), since


def _all(nodes: list[Node] | tuple[Node, ...]) -> list[Node]:
    return [one for node in nodes for one in (node, *_all(node.children))]


def _holds(node: Node, wanted: str) -> bool:
    label, wanted = node.label, wanted.casefold()
    texts = (label.code, label.name, label.definition, label.official or "", *label.includes)
    return any(wanted in text.casefold() for text in (*texts, *label.examples))
