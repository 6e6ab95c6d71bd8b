"""Write many entries in one transaction, each judged on its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from data.errors import ConflictError
from serving.store import pipelining
from serving.store.base import insert_into
from serving.store.earlier import latest, standing
from serving.store.entry import Entry, GroupHook, Saved
from serving.store.tables import ComplaintRow, DecisionRow, IdempotencyRow


def write(
    session: Session, entries: Sequence[Entry], hooks: Sequence[GroupHook], now: datetime
) -> list[Saved | Exception]:
    """Write what is new; answer what was there, or is twice in the group, with the first answer.

    A ConflictError stands in the place of an entry whose key or id was used for another content.
    Nothing is durable before the caller commits, by `pipelining.commit`. Raises whatever the
    database or a hook raises.
    """
    if not entries:
        return []
    stands = standing(session.connection(), entries)
    fresh: dict[str, Entry] = {}
    results: list[Saved | Exception] = []
    for entry in entries:
        try:
            before = stands.before(entry)
        except ConflictError as error:
            results.append(error)
            continue
        if before is None:
            stands.add(entry)
            fresh[entry.complaint_id] = entry
            results.append(Saved(entry.body, replayed=False, model=entry.versions["model"]))
        elif before in fresh:
            first = fresh[before]
            results.append(Saved(first.body, replayed=True, model=first.versions["model"]))
        else:
            results.append(Saved(latest(session, before), replayed=True))
    if fresh:
        _insert(session, list(fresh.values()), now)
        _attach(session, fresh.values())
        for hook in hooks:
            hook(session, list(fresh.values()))
    return results


def _attach(session: Session, entries: Iterable[Entry]) -> None:
    attachments = [attach for entry in entries for attach in entry.attachments]
    if attachments:
        pipelining.send(session)
    for attach in attachments:
        attach(session)


def _insert(session: Session, entries: Sequence[Entry], now: datetime) -> None:
    # Always in the same order, so that two processes never wait for each other in a circle.
    ordered = sorted(entries, key=lambda entry: (entry.identity or ("", ""), entry.complaint_id))
    keyed = sorted((e for e in entries if e.key is not None), key=lambda entry: entry.key or "")
    pipelining.later(
        session,
        (insert_into(ComplaintRow), [_complaint(entry, now) for entry in ordered]),
        (insert_into(DecisionRow), [_decision(entry, now) for entry in ordered]),
        (insert_into(IdempotencyRow), [_key(entry, now) for entry in keyed]),
    )


def _complaint(entry: Entry, now: datetime) -> dict[str, Any]:
    complaint = entry.complaint
    return {
        "id": entry.complaint_id,
        "source": complaint.source or "",
        "external_id": complaint.external_id,
        "text": complaint.text,
        "fields": {
            "channel": complaint.channel,
            "branch": complaint.branch,
            "product_hint": complaint.product_hint,
            "customer_segment": complaint.customer_segment,
            "metadata": complaint.metadata,
        },
        "fingerprint": entry.fingerprint,
        "received_at": complaint.received_at,
        "created_at": now,
    }


def _decision(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "id": entry.complaint_id,
        "complaint_id": entry.complaint_id,
        "body": entry.body,
        "model_version": entry.versions["model"],
        "taxonomy_version": entry.versions["taxonomy"],
        "policy_version": entry.versions["policy"],
        "created_at": now,
    }


def _key(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "key": entry.key,
        "fingerprint": entry.fingerprint,
        "complaint_id": entry.complaint_id,
        "created_at": now,
    }
