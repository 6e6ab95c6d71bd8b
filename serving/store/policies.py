"""Keep policy packs, and which one holds; both are only ever added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from ulid import ULID

from data.errors import InputError, NotFoundError
from data.pii.mask import mask
from data.records import Complaint
from serving.policies.files import digest_of
from serving.store import audit
from serving.store.rows.policies import PolicyActivationRow, PolicyPackRow
from serving.store.tables import ComplaintRow


@dataclass(frozen=True, slots=True)
class Upload:
    """A checked pack: `stamp` is that of its newest policy."""

    name: str
    stamp: str
    files: Mapping[str, str]
    note: str = ""


def add(session: Session, upload: Upload, who: str, now: datetime) -> PolicyPackRow:
    """Keep a pack; the same files under the same name are the pack that is there."""
    digest = digest_of(upload.files)
    standing = session.scalar(
        select(PolicyPackRow).where(
            PolicyPackRow.name == upload.name, PolicyPackRow.digest == digest
        )
    )
    if standing is not None:
        return standing
    row = PolicyPackRow(
        id=str(ULID()),
        name=upload.name,
        stamp=upload.stamp,
        digest=digest,
        files=dict(upload.files),
        uploaded_at=now,
        uploaded_by=who,
        note=mask(upload.note).text,
    )
    session.add(row)
    details = {"stamp": row.stamp, "digest": digest}
    audit.record(session, who, "policy.uploaded", f"policy:{row.id}", details, now=now)
    return row


def find(session: Session, pack_id: str) -> PolicyPackRow:
    """A pack. Raises NotFoundError."""
    row = session.get(PolicyPackRow, pack_id)
    if row is None:
        raise NotFoundError("no such policy pack", field="pack_id")
    return row


def listed(session: Session) -> Sequence[PolicyPackRow]:
    """All packs, newest first."""
    return session.scalars(select(PolicyPackRow).order_by(PolicyPackRow.id.desc())).all()


def activate(
    session: Session,
    pack_id: str | None,
    who: str,
    why: str,
    replay: Mapping[str, Any],
    now: datetime,
) -> PolicyActivationRow:
    """From now on a pack holds; None: the one the service was started with.

    Raises NotFoundError for an unknown pack, InputError where no reason is given.
    """
    if not why.strip():
        raise InputError("expected a reason, got nothing", field="why")
    stamp = find(session, pack_id).stamp if pack_id is not None else None
    said = mask(why.strip()).text
    row = PolicyActivationRow(pack_id=pack_id, at=now, who=who, why=said, replay=dict(replay))
    session.add(row)
    details = {"pack": pack_id, "stamp": stamp, "why": said}
    audit.record(session, who, "policy.activated", f"policy:{pack_id}", details, now=now)
    return row


def history(session: Session, most: int = 50) -> Sequence[PolicyActivationRow]:
    """Activations, newest first."""
    query = select(PolicyActivationRow).order_by(PolicyActivationRow.id.desc()).limit(most)
    return session.scalars(query).all()


def holding(session: Session) -> tuple[int, PolicyPackRow | None]:
    """The number of the last activation, 0 for none, and the pack it made hold."""
    last = next(iter(history(session, 1)), None)
    if last is None:
        return 0, None
    return last.id, session.get(PolicyPackRow, last.pack_id) if last.pack_id else None


def past(session: Session, most: int) -> list[tuple[str, Complaint]]:
    """The last complaints, newest first, those erased left out."""
    rows = session.scalars(
        select(ComplaintRow)
        .where(ComplaintRow.erased_at.is_(None))
        .order_by(ComplaintRow.received_at.desc(), ComplaintRow.id.desc())
        .limit(most)
    )
    return [(row.id, _complaint(row)) for row in rows]


def _complaint(row: ComplaintRow) -> Complaint:
    return Complaint(
        text=row.text,
        received_at=row.received_at,
        external_id=row.external_id,
        source=row.source or None,
        channel=row.fields.get("channel"),
        branch=row.fields.get("branch"),
        product_hint=row.fields.get("product_hint"),
        customer_segment=row.fields.get("customer_segment"),
        metadata=row.fields.get("metadata") or {},
    )
