"""Bring stored words under the current text key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from serving.store.rows.jobs import JobItemRow, JobRow
from serving.store.rows.outbox import CaseEventRow, DepartmentRow
from serving.store.rows.review import ActRow, ItemRow
from serving.store.tables import ComplaintRow, DecisionRow, LabelRecordRow, LabelTextRow

# Every column that holds customers' words, or secrets.
_COLUMNS: tuple[tuple[Any, str], ...] = (
    (ComplaintRow, "text"),
    (DecisionRow, "body"),
    (LabelTextRow, "text"),
    (LabelRecordRow, "comment"),
    (CaseEventRow, "note"),
    (ItemRow, "suggestion"),
    (ActRow, "note"),
    (JobRow, "name"),
    (JobItemRow, "text"),
    (JobItemRow, "answer"),
    (JobItemRow, "problem"),
    (DepartmentRow, "secret"),
    (DepartmentRow, "previous_secret"),
)
_AT_ONCE = 500


def total(engine: Engine) -> int:
    """Rows that `reencrypt` goes over."""
    with Session(engine) as session:
        counts = (select(func.count()).select_from(table) for table, _ in _COLUMNS)
        return sum(session.scalar(count) or 0 for count in counts)


def reencrypt(engine: Engine, on_rows: Callable[[int], None] = lambda _: None) -> int:
    """Read each row with whatever key it has and write it with the first; how many were written.

    Goes in small transactions and can be repeated: one that was interrupted loses nothing.
    Raises TextKeyError where a row's key is not among those set.
    """
    return sum(_column(engine, table, name, on_rows) for table, name in _COLUMNS)


def _column(engine: Engine, table: Any, name: str, on_rows: Callable[[int], None]) -> int:
    column, done, last = getattr(table, name), 0, None
    while True:
        with Session(engine) as session, session.begin():
            if engine.dialect.name == "sqlite":
                # A row that is erased meanwhile must not get its words back; elsewhere it is
                # FOR UPDATE that sees to it.
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            query = select(table.id, column).order_by(table.id).limit(_AT_ONCE).with_for_update()
            if last is not None:
                query = query.where(table.id > last)
            rows = session.execute(query).all()
            for row_id, value in rows:
                if value is not None:
                    _write(session, table, row_id, {name: value})
                    done += 1
        if not rows:
            return done
        last = rows[-1][0]
        on_rows(len(rows))


def _write(session: Session, table: Any, row_id: Any, values: dict[str, Any]) -> None:
    session.execute(
        update(table)
        .where(table.id == row_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
