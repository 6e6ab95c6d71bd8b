"""One customer's data, and data past their time: find, erase.

Erasing blanks what a customer said and what was noted in words, and keeps what is counted: codes,
labels, departments, times. The audit trail holds no such words and stays whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, String, and_, cast, exists, or_, select, update
from sqlalchemy.orm import Session

from data.errors import InputError
from data.pii.mask import mask
from serving.store import audit, job_privacy, review
from serving.store.rows.jobs import JobItemRow
from serving.store.rows.outbox import CaseEventRow
from serving.store.tables import (
    ComplaintRow,
    DecisionRow,
    IdempotencyRow,
    LabelRecordRow,
    LabelTextRow,
)

MINIMUM_DAYS = 1096
"""Three years from the closing of a case: 令2020-5 Art. 44."""

HANDLING_DAYS = 120
"""A case may be open for 60 days (令2020-3 Art. 18), then asked to be checked within 30 and checked
within another 30 (Art. 20): so long after its receipt at most it is closed."""

ERASED = "erased"
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose complaints: those with `value` at `field` of their metadata, or with one of `ids`.

    `field` may point inside (`customer.id`); `ids` are ours or the callers' own.
    """

    field: str | None = None
    value: str | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """Ids of complaints, of labelled texts from elsewhere, and of rows of jobs' files, whose words
    are still there.
    """

    complaints: tuple[str, ...]
    texts: tuple[str, ...]
    rows: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.complaints) + len(self.texts) + len(self.rows)


def find(session: Session, wanted: Wanted) -> Held:
    """What is held of one customer. Raises InputError where nobody is named."""
    if not wanted.ids and not (wanted.field and wanted.value):
        raise InputError("expected a field with a value, or ids", field="customer")
    held = _held(session, _matches(ComplaintRow, wanted), _matches(LabelTextRow, wanted))
    return replace(held, rows=_ids(session, JobItemRow, _matches(JobItemRow, wanted)))


def expired(session: Session, before: datetime) -> Held:
    """What was received, decided and labelled before `before`, and nothing happened to since."""
    untouched = ~exists().where(
        DecisionRow.complaint_id == ComplaintRow.id, DecisionRow.created_at >= before
    )
    unlabelled = ~exists().where(
        LabelRecordRow.complaint_id == ComplaintRow.id, LabelRecordRow.recorded_at >= before
    )
    uneventful = ~exists().where(
        CaseEventRow.complaint_id == ComplaintRow.id, CaseEventRow.recorded_at >= before
    )
    received = and_(ComplaintRow.received_at < before, ComplaintRow.created_at < before)
    unlabelled_text = ~exists().where(
        LabelRecordRow.text_id == LabelTextRow.id, LabelRecordRow.recorded_at >= before
    )
    return _held(
        session,
        and_(received, untouched, unlabelled, uneventful),
        and_(LabelTextRow.created_at < before, unlabelled_text),
    )


def cutoff(now: datetime, days: int) -> datetime:
    """Before it, a complaint's case was closed more than `days` ago, however long it took."""
    return now - timedelta(days=days + HANDLING_DAYS)


def younger(session: Session, held: Held, before: datetime) -> Held:
    """The part of `held` that has not expired at `before`."""
    old = expired(session, before)
    return Held(
        tuple(sorted({*held.complaints} - {*old.complaints})),
        tuple(sorted({*held.texts} - {*old.texts})),
    )


def erase(session: Session, held: Held, action: str, why: str, actor: str, now: datetime) -> None:
    """Blank the words of `held` and record that, in the session's transaction.

    The callers' own ids stay, so that the same complaint sent late once more is refused and does
    not bring the words back.
    """
    if session.get_bind().dialect.name == "sqlite":
        # Else the words stay readable in the file's free pages.
        session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
    for blank in _BLANKERS:
        blank(session, held, now)
    details = {"why": mask(why).text, "complaints": held.complaints, "texts": held.texts}
    if held.rows:
        details["rows"] = held.rows
    audit.record(session, actor, action, "complaints", details, now=now)


def parts(held: Held) -> Iterator[Held]:
    """Pieces small enough for one transaction each."""
    for start in range(0, len(held.complaints), _AT_ONCE):
        yield Held(held.complaints[start : start + _AT_ONCE], ())
    for start in range(0, len(held.texts), _AT_ONCE):
        yield Held((), held.texts[start : start + _AT_ONCE])
    for start in range(0, len(held.rows), _AT_ONCE):
        yield Held((), (), held.rows[start : start + _AT_ONCE])


def _complaints(session: Session, held: Held, now: datetime) -> None:
    for row in rows_of(session, ComplaintRow, held.complaints):
        row.text, row.fingerprint, row.erased_at = "", ERASED, now
        row.fields = {**row.fields, "metadata": {}}


def _decisions(session: Session, held: Held, _: datetime) -> None:
    query = select(DecisionRow).where(DecisionRow.complaint_id.in_(held.complaints))
    for row in session.scalars(query):
        row.body = orjson.dumps(wordless(orjson.loads(row.body)))


def _keys(session: Session, held: Held, _: datetime) -> None:
    session.execute(
        update(IdempotencyRow)
        .where(IdempotencyRow.complaint_id.in_(held.complaints))
        .values(fingerprint=ERASED)
    )


def _comments(session: Session, held: Held, _: datetime) -> None:
    session.execute(
        update(LabelRecordRow)
        .where(
            or_(
                LabelRecordRow.complaint_id.in_(held.complaints),
                LabelRecordRow.text_id.in_(held.texts),
            ),
            LabelRecordRow.comment.is_not(None),
        )
        .values(comment=None)
        .execution_options(synchronize_session=False)
    )


def _notes(session: Session, held: Held, _: datetime) -> None:
    session.execute(
        update(CaseEventRow)
        .where(CaseEventRow.complaint_id.in_(held.complaints), CaseEventRow.note.is_not(None))
        .values(note=None, fingerprint=ERASED)
        .execution_options(synchronize_session=False)
    )


def _job_rows(session: Session, held: Held, now: datetime) -> None:
    job_privacy.blank(session, held.complaints, held.rows, now)


def _texts(session: Session, held: Held, now: datetime) -> None:
    for row in rows_of(session, LabelTextRow, held.texts):
        row.text, row.fields, row.fingerprint, row.erased_at = "", {}, ERASED, now


def _reviews(session: Session, held: Held, _: datetime) -> None:
    review.blank(session, held.complaints)


# One for every table that holds, or hangs on, a customer's words.
_BLANKERS: tuple[Callable[[Session, Held, datetime], None], ...] = (
    _complaints,
    _decisions,
    _keys,
    _comments,
    _notes,
    _reviews,
    _job_rows,
    _texts,
)
BLANKED = frozenset(
    {
        "case_events",
        "complaints",
        "decisions",
        "idempotency_keys",
        "label_records",
        "label_texts",
    }
    | review.BLANKED
    | job_privacy.BLANKED
)
"""Tables that erasing blanks."""

WORDLESS = frozenset({"cases", "clocks", "outbox", "shadow_results"})
"""Tables that hang on complaints and hold codes, places and times only."""


def wordless(value: Any) -> Any:
    """A decision without the words it quotes; where they stood is kept."""
    if isinstance(value, list):
        return [wordless(item) for item in value]
    if not isinstance(value, dict):
        return value
    quoted = {"start", "end", "text"} <= value.keys()
    return {k: "" if quoted and k == "text" else wordless(v) for k, v in value.items()}


def _held(session: Session, complaints: ColumnElement[bool], texts: ColumnElement[bool]) -> Held:
    return Held(_ids(session, ComplaintRow, complaints), _ids(session, LabelTextRow, texts))


def _ids(session: Session, table: Any, which: ColumnElement[bool]) -> tuple[str, ...]:
    return tuple(sorted(session.scalars(select(table.id).where(which, table.erased_at.is_(None)))))


def _matches(
    table: type[ComplaintRow] | type[LabelTextRow] | type[JobItemRow], wanted: Wanted
) -> ColumnElement[bool]:
    ways: list[ColumnElement[bool]] = []
    if wanted.ids:
        ways += [table.id.in_(wanted.ids), table.external_id.in_(wanted.ids)]
    if wanted.field:
        path = ("metadata", *wanted.field.split("."))
        # A number in the metadata is found by its digits.
        ways.append(cast(table.fields[path].as_string(), String) == wanted.value)
    return or_(*ways)


def rows_of(session: Session, table: Any, ids: Sequence[str]) -> Iterator[Any]:
    """Rows by their ids, a few at a time."""
    for start in range(0, len(ids), _AT_ONCE):
        chosen = ids[start : start + _AT_ONCE]
        yield from session.scalars(select(table).where(table.id.in_(chosen)).order_by(table.id))
