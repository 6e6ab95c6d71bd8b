"""Packs on their way into the store, and the one that holds on its way into the pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from data.taxonomy.schema import Taxonomy
from model.classifier import Classifier
from serving.policies.files import parsed, unpacked
from serving.policies.replay import Replay, replay
from serving.store import policies
from serving.store.rows.policies import PolicyPackRow
from serving.triage.policy import PolicySet

MOST_REPLAYED = 2_000


@dataclass(frozen=True, slots=True)
class Held:
    """What the store says holds: the number of the activation, 0 for none ever; without `policies`
    what the service was started with.
    """

    number: int
    pack_id: str | None
    policies: PolicySet | None


def upload(
    session: Session,
    name: str,
    sent: Iterable[tuple[str, bytes]],
    note: str,
    taxonomy: Taxonomy,
    who: str,
    now: datetime,
) -> tuple[PolicyPackRow, PolicySet]:
    """Check a pack and keep it; it does not hold yet. Raises PolicyError for one that is wrong."""
    files = unpacked(sent)
    found = parsed(name, files, taxonomy)
    wanted = policies.Upload(name, found.policies[-1].stamp, files, note)
    return policies.add(session, wanted, who, now), found


def opened(row: PolicyPackRow, taxonomy: Taxonomy) -> PolicySet:
    """A kept pack, checked anew: the taxonomy may be another one by now. Raises PolicyError."""
    return parsed(row.name, row.files, taxonomy)


def held(session: Session, taxonomy: Taxonomy) -> Held:
    """What holds. Raises PolicyError where it no longer fits the taxonomy."""
    number, row = policies.holding(session)
    if row is None:
        return Held(number, None, None)
    return Held(number, row.id, opened(row, taxonomy))


def tried(
    session: Session,
    pack_id: str,
    last: int,
    classifier: Classifier,
    taxonomy: Taxonomy,
    before: PolicySet,
) -> Replay:
    """What the pack would have made of the `last` complaints, at most 2,000 of them.

    Raises NotFoundError, PolicyError.
    """
    after = opened(policies.find(session, pack_id), taxonomy)
    past = policies.past(session, min(last, MOST_REPLAYED))
    return replay(past, classifier, taxonomy, before, after)
