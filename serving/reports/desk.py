"""What people ask a running service for: a report of now, or as it was frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session, sessionmaker

from serving.boards.period import Period, around
from serving.boards.view import View
from serving.pipeline import Pipeline
from serving.reports import document, tables_zip, workbook
from serving.reports.build import Author, build
from serving.reports.definition import Definition, definition_for
from serving.reports.frozen import Correction, corrections, scope_of, thawed, with_corrections
from serving.reports.report import Report
from serving.reports.shelf import shelf_of
from serving.settings import Settings
from serving.store import reports as store
from serving.store.reports import Snapshot

# How a file is asked for: its ending, its media type, and what makes it.
FORMATS: Final[dict[str, tuple[str, Callable[[Report], bytes]]]] = {
    "xlsx": (workbook.MEDIA_TYPE, workbook.workbook),
    "csv": (tables_zip.MEDIA_TYPE, tables_zip.tables_zip),
    "pdf": (document.MEDIA_TYPE, document.document),
}
ENDINGS: Final = {"xlsx": "xlsx", "csv": "zip", "pdf": "pdf"}


@dataclass(frozen=True)
class Asked:
    """A report with its snapshots. `report` is what is told: the frozen one where there is one."""

    report: Report
    current: Report
    snapshots: tuple[Snapshot, ...]
    corrections: tuple[Correction, ...]

    @property
    def frozen(self) -> Snapshot | None:
        """The snapshot that holds."""
        return self.snapshots[-1] if self.snapshots else None


def definition_of(settings: Settings, pipeline: Pipeline, holder: Any) -> Definition:
    """The bank's definitions, read once. Raises PolicyError."""
    found: Definition | None = getattr(holder, "report_definition", None)
    if found is None:
        holder.report_definition = found = definition_for(pipeline.taxonomy, settings.reports)
    return found


def author_of(name: str, pipeline: Pipeline, view: View) -> Author:
    """Who asks, with the versions the figures rest on."""
    policy = pipeline.policies.at(view.now)
    return Author(
        name,
        (
            ("分类体系版本", pipeline.taxonomy.stamp),
            ("规则包版本", policy.stamp),
            ("在用模型", pipeline.classifier.version),
        ),
    )


def current(
    view: View, period: Period, definition: Definition, author: Author, holder: Any,
    *, merged: bool = True, fresh: bool = False,
) -> Report:  # fmt: skip
    """The report of now, at most a minute old."""
    key = (period.name, merged, view.base.query())
    return shelf_of(holder).get(
        key,
        view.now,
        lambda: build(view, period, definition, author, merged=merged),
        fresh=fresh,
    )


def asked(sessions: sessionmaker[Session], now: Report) -> Asked:
    """The report with what was frozen of it."""
    with sessions() as session:
        snapshots = tuple(store.of(session, now.head.period, scope_of(now)))
    if not snapshots:
        return Asked(now, now, (), ())
    frozen = thawed(snapshots[-1])
    found = corrections(frozen, now)
    return Asked(with_corrections(frozen, found), now, snapshots, tuple(found))


def offered(today: date, oldest: date | None) -> list[Period]:
    """Quarters and years that a report may be asked of, the running ones first."""
    first = oldest or today
    found: list[Period] = []
    for unit, most in (("quarter", 8), ("year", 4), ("month", 13)):
        period = around(today, unit)  # type: ignore[arg-type]
        for _ in range(most):
            if period.end <= first:
                break
            found.append(period)
            period = around(period.first - timedelta(days=1), unit)  # type: ignore[arg-type]
    return found
