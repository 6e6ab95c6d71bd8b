"""Who sent complaints, and complaints by the sender's own id."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from serving.store.tables import ComplaintRow


def of_sender(external_id: str) -> ColumnElement[bool]:
    """That a complaint has this id at whoever sent it.

    With its source in front the index knows it; alone it would take a look at all rows.
    """
    return and_(ComplaintRow.source.in_(sources()), ComplaintRow.external_id == external_id)


def sources() -> Any:
    """The distinct sources, each found by a step in the index instead of a look at all rows."""
    first = select(func.min(ComplaintRow.source).label("source")).cte("sources", recursive=True)
    following = (
        select(func.min(ComplaintRow.source))
        .where(ComplaintRow.source > first.c.source)
        .scalar_subquery()
    )
    steps = first.union_all(select(following).where(first.c.source.is_not(None)))
    return select(steps.c.source).where(steps.c.source.is_not(None))
