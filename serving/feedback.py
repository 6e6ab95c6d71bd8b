"""Take in what people decided: checked, tied to its text, recorded beside what the model said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from data.errors import ConflictError, InputError, NotFoundError, SudaError
from data.exchange.judgement import Judgement, records_of
from data.pii.mask import mask
from data.snapshot.heldout import fingerprint
from data.snapshot.record import LabelRecord, in_force
from data.taxonomy.schema import Taxonomy
from serving.store import label_texts, labels
from serving.store.tables import LabelTextRow

# Clocks of two systems differ by so much; a record from the future would hold for ever.
_SKEW = timedelta(minutes=5)
_MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Taken:
    """The records that now stand for a judgement; `replayed` where nothing new was said."""

    subject: str
    records: tuple[LabelRecord, ...]
    replayed: bool


def take(
    session: Session,
    items: Sequence[Judgement],
    taxonomy: Taxonomy,
    now: datetime,
    via: str,
) -> list[Taken | SudaError]:
    """Record judgements within the session's transaction: per item what stands, or what is wrong.

    A judgement without a time that repeats what the same person said last is not recorded again.
    A text that is not known is kept where its words are given, else it is a NotFoundError.
    """
    return [_one(session, item, taxonomy, now, via) for item in items]


def _one(
    session: Session, item: Judgement, taxonomy: Taxonomy, now: datetime, via: str
) -> Taken | SudaError:
    try:
        _check(item, taxonomy, now)
        subject = _subject(session, item, now)
    except SudaError as error:
        return error
    said = label_texts.said(session, subject)
    item = replace(
        item,
        model={**said.codes, **item.model},
        bundle=item.bundle or said.bundle,
    )
    wanted = records_of(item, subject, now, via)
    if item.decided_at is None:
        standing = _standing(session, subject, wanted)
        if standing is not None:
            return Taken(subject, standing, replayed=True)
    added = labels.append(session, wanted, now)
    records = tuple(one.record for one in added)
    return Taken(subject, records, replayed=all(one.replayed for one in added))


def _check(item: Judgement, taxonomy: Taxonomy, now: datetime) -> None:
    for head, code in item.labels.items():
        if head not in taxonomy:
            known = ", ".join(h.name for h in taxonomy.heads)
            raise InputError(f"expected heads among {known}", field=f"labels.{head[:64]}")
        if code not in taxonomy[head].by_code:
            raise InputError(f"{code[:64]!r} is not a code of head {head}", field=f"labels.{head}")
    if item.decided_at is not None and item.decided_at > now + _SKEW:
        raise InputError("expected a time that has passed", field="decided_at")


def _subject(session: Session, item: Judgement, now: datetime) -> str:
    own = label_texts.locate(session, item.id, None, None)
    if own is not None:
        return own
    # An id that is not ours is the other system's.
    external = item.external_id or item.id
    found = label_texts.locate(session, None, item.source, external)
    if found is not None:
        _check_words(session, found, item)
        return found
    if item.text is None:
        raise NotFoundError(
            "no such complaint or text; give its words to have it kept", field=_named(item)
        )
    if len(item.text) > _MAX_TEXT:
        raise InputError(f"expected at most {_MAX_TEXT} characters", field="text")
    return label_texts.keep_text(
        session,
        item.text,
        source=item.source,
        external_id=external,
        fields=item.meta,
        now=now,
    )


def _check_words(session: Session, subject: str, item: Judgement) -> None:
    """The other system's number must stand for the words it stood for, masked or not."""
    row = session.get(LabelTextRow, subject)
    if row is None or item.text is None or row.erased_at is not None:
        return
    if fingerprint(item.text) not in (fingerprint(row.text), fingerprint(mask(row.text).text)):
        raise ConflictError("stands for other words already", field="external_id")


def _named(item: Judgement) -> str:
    if item.id is not None:
        return "complaint_id"
    return "external_id" if item.external_id is not None else "text"


def _standing(
    session: Session, subject: str, wanted: Sequence[LabelRecord]
) -> tuple[LabelRecord, ...] | None:
    """The person's own earlier records where they say the same and nobody spoke since."""
    last: dict[str, LabelRecord] = {}
    for record in labels.of(session, subject):
        last[record.head] = record
    same = tuple(last[record.head] for record in wanted if record.head in last)
    said = [(r.head, r.code, r.who, r.role) for r in wanted]
    return same if [(r.head, r.code, r.who, r.role) for r in same] == said else None


def holding(session: Session, subject: str) -> dict[str, LabelRecord]:
    """Per head the record that holds for a complaint or text."""
    return in_force(labels.of(session, subject))
