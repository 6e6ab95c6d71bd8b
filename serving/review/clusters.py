"""Groups of waiting complaints that say nearly the same."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.review.claims import ORDER
from serving.review.opening import FIRST, in_round, is_open
from serving.store.rows.review import BandRow, ItemRow
from serving.store.tables import ComplaintRow

_LOOKED_THROUGH = 2_000
# Two texts of similarity 0.7 share one of these bands with probability 0.93.
_BANDS = 4
_JOINT = ","


@dataclass(frozen=True, slots=True)
class Cluster:
    """About `size` waiting complaints like `complaint_id`, whose words are `text`."""

    complaint_id: str
    size: int
    text: str


def clusters(session: Session, most: int = 20, least: int = 3) -> list[Cluster]:
    """The largest groups among those that are next in the queue; sizes are estimates."""
    queue = (
        select(ItemRow.complaint_id)
        .where(is_open(), in_round(FIRST))
        .order_by(*ORDER)
        .limit(_LOOKED_THROUGH)
        .subquery()
    )
    # Groups come whole, one row each: their members one by one are thousands.
    query = (
        select(func.aggregate_strings(BandRow.complaint_id, _JOINT))
        .join(queue, queue.c.complaint_id == BandRow.complaint_id)
        .where(BandRow.band < _BANDS)
        .group_by(BandRow.key)
        .having(func.count() >= least)
    )
    groups = [frozenset(one.split(_JOINT)) for one in session.scalars(query)]
    found: list[tuple[str, int]] = []
    seen: set[str] = set()
    for group in sorted(groups, key=lambda group: (-len(group), min(group))):
        if len(found) >= most:
            break
        if len(group & seen) * 2 <= len(group):
            found.append((min(group), len(group)))
            seen |= group
    firsts = [first for first, _ in found]
    query_texts = select(ComplaintRow.id, ComplaintRow.text).where(ComplaintRow.id.in_(firsts))
    texts = dict(session.execute(query_texts).all())
    return [Cluster(first, size, texts.get(first, "")) for first, size in found]
