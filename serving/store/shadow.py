"""What a shadow model answered otherwise: counted for every complaint, kept where it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from serving.store.rows.models import ShadowCountRow, ShadowResultRow

# As long as the column.
_MOST_DIFFERS = 1024


@dataclass(frozen=True, slots=True)
class Result:
    """One complaint that both decided.

    `fields` has, by field, both codes (`champion`, `shadow`) and, where a model gives one, both
    confidences; `agrees` whether the codes are the same.
    """

    complaint_id: str
    shadow: str
    champion: str
    at: datetime
    fields: Mapping[str, Mapping[str, Any]]
    agrees: Mapping[str, bool]

    @property
    def differs(self) -> tuple[str, ...]:
        """The fields in which they disagree."""
        return tuple(field for field, same in self.agrees.items() if not same)


@dataclass(frozen=True, slots=True)
class Count:
    """How many complaints a shadow and one that was heard both decided, and agreed on."""

    shadow: str
    champion: str
    field: str
    texts: int
    agreed: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Disagreements of `shadow`: with `champion` and in `field`, each where given."""

    shadow: str
    champion: str | None = None
    field: str | None = None
    after: int = 0


def save(session: Session, results: Sequence[Result]) -> None:
    """Count all, keep those that differ."""
    rows = [_row(result) for result in results if result.differs]
    if rows:
        session.execute(insert(ShadowResultRow), rows)
    texts: Counter[tuple[str, str, str]] = Counter()
    agreed: Counter[tuple[str, str, str]] = Counter()
    for result in results:
        for field, same in result.agrees.items():
            texts[result.shadow, result.champion, field] += 1
            agreed[result.shadow, result.champion, field] += same
    times = [result.at for result in results]
    # Always in the same order, so that two processes never wait for each other in a circle.
    for key in sorted(texts):
        _add(session, Count(*key, texts[key], agreed[key], min(times), max(times)))


def counts(session: Session, shadow: str) -> list[Count]:
    """By the model that was heard, and by field."""
    query = select(ShadowCountRow).where(ShadowCountRow.shadow == shadow)
    rows = session.scalars(query.order_by(ShadowCountRow.champion, ShadowCountRow.field))
    return [
        Count(row.shadow, row.champion, row.field, row.texts, row.agreed, row.first_at, row.last_at)
        for row in rows
    ]


def page(session: Session, wanted: Wanted, limit: int) -> list[tuple[int, Result]]:
    """The first `limit` disagreements after number `after`, each with its number."""
    query = select(ShadowResultRow).where(
        ShadowResultRow.shadow == wanted.shadow, ShadowResultRow.id > wanted.after
    )
    if wanted.champion is not None:
        query = query.where(ShadowResultRow.champion == wanted.champion)
    if wanted.field is not None:
        query = query.where(ShadowResultRow.differs.contains(f",{wanted.field},", autoescape=True))
    rows = session.scalars(query.order_by(ShadowResultRow.id).limit(limit))
    return [(row.id, _result(row)) for row in rows]


def prune(session: Session, before: datetime) -> None:
    """Forget disagreements from before; the counts stay."""
    session.execute(delete(ShadowResultRow).where(ShadowResultRow.at < before))


def _row(result: Result) -> dict[str, Any]:
    return {
        "complaint_id": result.complaint_id,
        "shadow": result.shadow,
        "champion": result.champion,
        "differs": f",{','.join(result.differs)},"[:_MOST_DIFFERS],
        "fields": {field: dict(both) for field, both in result.fields.items()},
        "at": result.at,
    }


def _result(row: ShadowResultRow) -> Result:
    differs = set(row.differs.split(","))
    agrees = {field: field not in differs for field in row.fields}
    return Result(row.complaint_id, row.shadow, row.champion, row.at, row.fields, agrees)


def _add(session: Session, more: Count) -> None:
    if _raised(session, more):
        return
    try:
        with session.begin_nested():
            session.execute(
                insert(ShadowCountRow).values(
                    shadow=more.shadow,
                    champion=more.champion,
                    field=more.field,
                    texts=more.texts,
                    agreed=more.agreed,
                    first_at=more.first_at,
                    last_at=more.last_at,
                )
            )
    except IntegrityError:
        # Another process was first.
        _raised(session, more)


def _raised(session: Session, more: Count) -> bool:
    done = session.execute(
        update(ShadowCountRow)
        .where(
            ShadowCountRow.shadow == more.shadow,
            ShadowCountRow.champion == more.champion,
            ShadowCountRow.field == more.field,
        )
        .values(
            texts=ShadowCountRow.texts + more.texts,
            agreed=ShadowCountRow.agreed + more.agreed,
            last_at=more.last_at,
        )
        .execution_options(synchronize_session=False)
        .returning(ShadowCountRow.field)
    )
    return done.first() is not None
