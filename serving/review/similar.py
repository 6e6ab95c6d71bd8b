"""Complaints like this one that people decided, and those that say nearly the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from data.quality.shingles import shingles
from serving.review.opening import ADJUDICATION, DONE, FIRST
from serving.review.signature import bands, said
from serving.store.rows.review import BandRow, ItemRow
from serving.store.tables import ComplaintRow

ALIKE = 0.5
"""Jaccard similarity of 4-grams from which on two complaints say nearly the same."""

_MOST_KEYED = 400
_READ = 24


@dataclass(frozen=True, slots=True)
class Past:
    """A complaint that was reviewed. `alike` is the similarity of words in [0, 1]; `kind` words
    where these brought it here, said where the model took it for the same.
    """

    complaint_id: str
    text: str
    labels: Mapping[str, str]
    changed: tuple[str, ...]
    by: str
    at: datetime
    alike: float
    kind: str


def past(
    session: Session, complaint_id: str, text: str, told: Mapping[str, str], most: int = 5
) -> list[Past]:
    """Reviewed complaints of like words, then those that the model took for the same kind.

    `told` are the codes the model gave this one. Which ones are shown does not hang on how they
    were decided: those the model was wrong about are among them.
    """
    words = _sharing(session, bands(text), complaint_id)
    kin = _latest(session, said(told), complaint_id)
    ids = list(dict.fromkeys([*words, *kin]))[: 2 * _READ]
    found = []
    mine = shingles(text)
    for item, other in _reviewed(session, ids):
        theirs = shingles(other)
        both = len(mine & theirs)
        alike = both / (len(mine) + len(theirs) - both) if mine and theirs else 0.0
        if alike < 0.1 and item.complaint_id not in kin:
            continue
        found.append(_past(item, other, alike, "words" if alike >= 0.1 else "said"))
    return sorted(found, key=lambda one: (-round(one.alike, 2), -one.at.timestamp()))[:most]


def near_duplicates(
    session: Session, complaint_id: str, keys: Sequence[int], most: int | None = None
) -> list[str]:
    """Complaints that say nearly the same as this one, which has these keys; with `most` of the
    newest that share some.
    """
    own = session.scalar(select(ComplaintRow.text).where(ComplaintRow.id == complaint_id))
    if not own:
        return []
    mine = shingles(own)
    ids = _sharing(session, keys, complaint_id, most=most)
    found = []
    for start in range(0, len(ids), 200):
        chosen = ids[start : start + 200]
        query = select(ComplaintRow.id, ComplaintRow.text).where(ComplaintRow.id.in_(chosen))
        for other_id, text in session.execute(query):
            theirs = shingles(text)
            both = len(mine & theirs)
            if theirs and both / (len(mine) + len(theirs) - both) >= ALIKE:
                found.append(other_id)
    return sorted(found)


def _sharing(
    session: Session, keys: Sequence[int], but: str, most: int | None = _READ
) -> list[str]:
    """Complaints that share keys, those that share most first; of very many the newest."""
    if not keys:
        return []
    query = (
        select(BandRow.complaint_id)
        .where(BandRow.key.in_(keys), BandRow.complaint_id != but)
        .order_by(BandRow.complaint_id.desc())
        .limit(_MOST_KEYED if most else 20 * _MOST_KEYED)
    )
    return [found for found, _ in Counter(session.scalars(query)).most_common(most)]


def _latest(session: Session, key: int, but: str) -> list[str]:
    query = (
        select(BandRow.complaint_id)
        .where(BandRow.key == key, BandRow.complaint_id != but)
        .order_by(BandRow.complaint_id.desc())
        .limit(_READ)
    )
    return list(session.scalars(query))


def _reviewed(session: Session, ids: Sequence[str]) -> list[tuple[ItemRow, str]]:
    """Those among `ids` that were decided, with their words; as last adjudicated."""
    query = (
        select(ItemRow, ComplaintRow.text)
        .join(ComplaintRow, ComplaintRow.id == ItemRow.complaint_id)
        .where(
            # By these alone: a database that may choose goes through all that is done.
            ItemRow.complaint_id.in_(ids),
            ComplaintRow.erased_at.is_(None),
        )
        .order_by(ItemRow.complaint_id, ItemRow.round, ItemRow.submitted_at)
    )
    last = {
        item.complaint_id: (item, text)
        for item, text in session.execute(query)
        if item.state == DONE and item.round in (FIRST, ADJUDICATION)
    }
    return list(last.values())


def _past(item: ItemRow, text: str, alike: float, kind: str) -> Past:
    return Past(
        complaint_id=item.complaint_id,
        text=text,
        labels=item.labels or {},
        changed=tuple(item.changed or ()),
        by=item.submitted_by or "",
        at=item.submitted_at or item.opened_at,
        alike=round(alike, 3),
        kind=kind,
    )
