"""A judgement: what one person said about one text at one time, on one or more heads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from data.snapshot.record import Feedback, LabelRecord, Role

_UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One row of any exchange format.

    The text is named by `id` (ours), by `external_id` of a `source`, or given as `text` where it
    is not known here. `labels` and `model` (what the model had said) are codes by head. Without
    `decided_at` the time of recording counts.
    """

    labels: Mapping[str, str]
    who: str
    role: Role = "review"
    id: str | None = None
    text: str | None = None
    source: str | None = None
    external_id: str | None = None
    decided_at: datetime | None = None
    model: Mapping[str, str] = field(default_factory=dict)
    bundle: str | None = None
    comment: str | None = None
    selection: str | None = None
    inclusion: float | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that holds no judgement: its line or position (from 1) and why."""

    line: int
    message: str


def judgements(feedback: Feedback) -> list[Judgement]:
    """The records of a text, those that one person made at one time together, in their order."""
    acts: dict[tuple[Any, ...], list[LabelRecord]] = defaultdict(list)
    for record in feedback.records:
        acts[
            (
                record.decided_at,
                record.who,
                record.role,
                record.bundle,
                record.comment or "",
                record.selection,
                record.inclusion,
            )
        ].append(record)
    return [_judgement(feedback, records) for records in acts.values()]


def _judgement(feedback: Feedback, records: list[LabelRecord]) -> Judgement:
    first = records[0]
    meta = dict(feedback.meta)
    return Judgement(
        labels={record.head: record.code for record in records},
        who=first.who,
        role=first.role,
        id=feedback.id,
        text=feedback.text,
        source=meta.pop("source", None),
        external_id=meta.pop("external_id", None),
        decided_at=first.decided_at,
        model={r.head: r.model_code for r in records if r.model_code is not None},
        bundle=first.bundle,
        comment=first.comment,
        selection=first.selection,
        inclusion=first.inclusion,
        meta=meta,
    )


def records_of(judgement: Judgement, subject: str, now: datetime, via: str) -> list[LabelRecord]:
    """One record per head, about `subject`."""
    return [
        LabelRecord(
            subject=subject,
            head=head,
            code=code,
            who=judgement.who,
            decided_at=judgement.decided_at or now,
            role=judgement.role,
            model_code=judgement.model.get(head),
            bundle=judgement.bundle,
            comment=judgement.comment,
            via=via,
            selection=judgement.selection,
            inclusion=judgement.inclusion,
        )
        for head, code in judgement.labels.items()
    ]


def gathered(items: Iterable[Judgement]) -> list[Feedback]:
    """Judgements with their texts, as feedback: for files that go into no store.

    Those without a text are left out. A text is known by its id, else its external id, else its
    words. A judgement without a time counts as older than any that has one.
    """
    found: dict[str, Feedback] = {}
    for item in items:
        if item.text is None:
            continue
        name = item.id or f"{item.source or ''}/{item.external_id or item.text}"
        known = found.get(name) or Feedback(_subject(item), item.text, (), item.meta)
        records = records_of(item, known.id, _UNKNOWN_TIME, "file")
        found[name] = replace(known, records=(*known.records, *records))
    return list(found.values())


def _subject(item: Judgement) -> str:
    from data.snapshot.heldout import fingerprint

    if item.id:
        return item.id
    if item.external_id:
        return f"{item.source}/{item.external_id}" if item.source else item.external_id
    return f"text-{fingerprint(item.text or '')[:16]}"
