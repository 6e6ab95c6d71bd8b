"""Save decisions durably, once, and find them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from data.errors import ConflictError, NotFoundError
from data.records import Complaint
from serving.store.tables import ComplaintRow, DecisionRow, IdempotencyRow


@dataclass(frozen=True, slots=True)
class Entry:
    """A complaint with its decision, ready to be saved.

    `fingerprint` is the hash of what the caller sent, `key` the caller's idempotency key, `body`
    the serialised decision.
    """

    complaint_id: str
    complaint: Complaint
    fingerprint: str
    key: str | None
    body: bytes
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer that stands: the new one, or the first one where the same was sent before."""

    body: bytes
    replayed: bool


class Store:
    """Complaints and decisions over one SQLAlchemy engine. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session = sessionmaker(engine, expire_on_commit=False)

    def save(self, entry: Entry) -> Saved:
        """Write complaint, decision and key in one transaction; durable when this returns.

        Returns the first answer where the same complaint was saved before. Raises ConflictError
        where its key or (source, external_id) was used for another content.
        """
        try:
            with self._session.begin() as session:
                _add(session, entry)
        except IntegrityError:
            # The same was saved before, perhaps a moment ago by another request.
            earlier = self.find_earlier(entry)
            if earlier is None:
                raise
            return Saved(earlier, replayed=True)
        return Saved(entry.body, replayed=False)

    def find_earlier(self, entry: Entry) -> bytes | None:
        """The answer given before to what `entry` identifies; None if it is new.

        Raises ConflictError where the identity was used for another content.
        """
        with self._session() as session:
            return _by_key(session, entry) or _by_external_id(session, entry)

    def decision(self, complaint_id: str) -> bytes:
        """The latest decision on a complaint. Raises NotFoundError."""
        with self._session() as session:
            return _latest(session, complaint_id)

    def complaint(self, complaint_id: str) -> dict[str, Any]:
        """What was received. Raises NotFoundError."""
        with self._session() as session:
            row = session.get(ComplaintRow, complaint_id)
            if row is None:
                raise NotFoundError("no such complaint", field="complaint_id")
            return {
                "text": row.text,
                "source": row.source or None,
                "external_id": row.external_id,
                **row.fields,
            }

    def ping(self) -> None:
        """Raise whatever the database raises when it cannot answer."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()


def _add(session: Session, entry: Entry) -> None:
    now = datetime.now(UTC)
    complaint = entry.complaint
    session.add(
        ComplaintRow(
            id=entry.complaint_id,
            source=complaint.source or "",
            external_id=complaint.external_id,
            text=complaint.text,
            fields={
                "channel": complaint.channel,
                "branch": complaint.branch,
                "product_hint": complaint.product_hint,
                "customer_segment": complaint.customer_segment,
                "metadata": complaint.metadata,
            },
            fingerprint=entry.fingerprint,
            received_at=complaint.received_at,
            created_at=now,
        )
    )
    session.flush()
    session.add(
        DecisionRow(
            id=entry.complaint_id,
            complaint_id=entry.complaint_id,
            body=entry.body,
            model_version=entry.versions["model"],
            taxonomy_version=entry.versions["taxonomy"],
            policy_version=entry.versions["policy"],
            created_at=now,
        )
    )
    if entry.key:
        session.add(
            IdempotencyRow(
                key=entry.key,
                fingerprint=entry.fingerprint,
                complaint_id=entry.complaint_id,
                created_at=now,
            )
        )


def _by_key(session: Session, entry: Entry) -> bytes | None:
    row = session.get(IdempotencyRow, entry.key) if entry.key else None
    if row is None:
        return None
    if row.fingerprint != entry.fingerprint:
        raise ConflictError("was used before with another body", field="Idempotency-Key")
    return _latest(session, row.complaint_id)


def _by_external_id(session: Session, entry: Entry) -> bytes | None:
    if entry.complaint.external_id is None:
        return None
    row = session.scalar(
        select(ComplaintRow).where(
            ComplaintRow.source == (entry.complaint.source or ""),
            ComplaintRow.external_id == entry.complaint.external_id,
        )
    )
    if row is None:
        return None
    if row.fingerprint != entry.fingerprint:
        raise ConflictError(
            "was used before by this source with another content", field="external_id"
        )
    return _latest(session, row.id)


def _latest(session: Session, complaint_id: str) -> bytes:
    found = session.scalars(
        select(DecisionRow.body)
        .where(DecisionRow.complaint_id == complaint_id)
        .order_by(DecisionRow.created_at.desc())
    ).first()
    if found is None:
        raise NotFoundError("no such complaint", field="complaint_id")
    return found
