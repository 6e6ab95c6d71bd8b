"""From label records to one labelled text per complaint, the same words counted once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.quality.shingles import shingles
from data.snapshot.heldout import fingerprint
from data.snapshot.record import Feedback, LabelRecord, Role, contested, in_force
from data.snapshot.store import Excluded
from data.taxonomy.schema import Taxonomy


@dataclass(frozen=True, slots=True)
class Merged:
    """One text with the records that hold; `subjects` are all complaints with these very words."""

    id: str
    text: str
    subjects: tuple[str, ...]
    holding: Mapping[str, LabelRecord]
    contested: frozenset[str]
    meta: Mapping[str, Any]


def merge(
    feedback: Sequence[Feedback], taxonomy: Taxonomy, roles: Collection[Role]
) -> tuple[list[Merged], list[Excluded]]:
    """Texts in order of id, and what cannot teach.

    Complaints of the same normalised words become one, named by the smallest id; the latest
    adjudicated record among all of them holds.
    """
    excluded: list[Excluded] = []
    same: dict[str, list[Feedback]] = defaultdict(list)
    for item in sorted(feedback, key=lambda item: item.id):
        if (reason := _unfit(item, taxonomy, roles)) is None:
            same[fingerprint(item.text)].append(item)
        else:
            excluded.append(Excluded(id=item.id, origin="feedback", reason=reason))
    merged = []
    for first, *others in same.values():
        merged.append(_merged([first, *others], taxonomy, roles))
        excluded += [
            Excluded(id=item.id, origin="feedback", reason="same words", of=first.id)
            for item in others
        ]
    return merged, excluded


def _unfit(item: Feedback, taxonomy: Taxonomy, roles: Collection[Role]) -> str | None:
    if not shingles(item.text):
        return "no words"
    if not in_force(item.records, roles):
        return "no record of a role that teaches"
    if not in_force(_known(item.records, taxonomy), roles):
        return "codes that the taxonomy does not have"
    return None


def _known(records: Sequence[LabelRecord], taxonomy: Taxonomy) -> list[LabelRecord]:
    return [r for r in records if r.head in taxonomy and r.code in taxonomy[r.head].by_code]


def _merged(items: Sequence[Feedback], taxonomy: Taxonomy, roles: Collection[Role]) -> Merged:
    records = _known([record for item in items for record in item.records], taxonomy)
    holding = in_force(records, roles)
    return Merged(
        id=items[0].id,
        text=items[0].text,
        subjects=tuple(item.id for item in items),
        holding=dict(sorted(holding.items())),
        contested=frozenset(contested(records, holding)),
        # The caller's own number may lead back to the customer.
        meta={key: value for key, value in items[0].meta.items() if key != "external_id"},
    )
