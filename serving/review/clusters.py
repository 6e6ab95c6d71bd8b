"""Groups of waiting complaints that say nearly the same."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.review.opening import FIRST, OPEN
from serving.store.rows.review import BandRow, ItemRow
from serving.store.tables import ComplaintRow

_LOOKED_THROUGH = 2_000
# Two texts of similarity 0.7 share one of these bands with probability 0.93.
_BANDS = 4


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
        .where(ItemRow.state == OPEN, ItemRow.round == FIRST)
        .order_by(ItemRow.rank, ItemRow.due_at, ItemRow.ease, ItemRow.id)
        .limit(_LOOKED_THROUGH)
        .subquery()
    )
    query = (
        select(BandRow.key, BandRow.complaint_id)
        .join(queue, queue.c.complaint_id == BandRow.complaint_id)
        .where(BandRow.band < _BANDS)
    )
    members: dict[int, set[str]] = defaultdict(set)
    for key, complaint_id in session.connection().execute(query):
        members[key].add(complaint_id)
    found: list[tuple[str, int]] = []
    seen: set[str] = set()
    for group in sorted(members.values(), key=lambda group: (-len(group), min(group))):
        if len(group) < least or len(found) >= most:
            break
        if len(group & seen) * 2 <= len(group):
            found.append((min(group), len(group)))
            seen |= group
    firsts = [first for first, _ in found]
    query_texts = select(ComplaintRow.id, ComplaintRow.text).where(ComplaintRow.id.in_(firsts))
    texts = dict(session.execute(query_texts).all())
    return [Cluster(first, size, texts.get(first, "")) for first, size in found]
