"""A frozen period keeps its figures; what changes later is told beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from data.errors import ConflictError, InputError
from data.taxonomy.load import load
from serving.boards.facts import Bools
from serving.boards.period import parse
from serving.boards.view import View
from serving.reports.desk import asked
from serving.reports.frozen import corrections, freeze, thawed, with_corrections
from serving.store import audit
from serving.store import reports as store
from serving.store.rows.cases import CaseRow
from serving.store.rows.reports import ReportSnapshotRow
from tests.boards.kit import NOW, filled, live_of, sessions_of, view_of
from tests.reports.kit import PERIOD, made


@pytest.fixture
def own(database_url: str) -> Iterator[Engine]:
    with filled(database_url, load(), cases=60) as engine:
        yield engine


def made_of(look: View) -> Bools:
    """Which cases the report is about."""
    period = parse(PERIOD)
    return look.between(period.first, period.end)


@pytest.fixture
def look(own: Engine) -> View:
    return view_of(live_of(own).board(), load())


def test_a_correction_does_not_move_what_was_told(own: Engine, look: View) -> None:
    told = made(look)
    with Session(own) as session, session.begin():
        first = freeze(session, told, "user:chen", NOW, "已报送")
    rows = made_of(look).nonzero()[0]
    some = look.facts.id(int(rows[0]))
    with Session(own) as session, session.begin():
        session.execute(
            update(CaseRow)
            .where(CaseRow.complaint_id == some)
            .values(lead="elsewhere", updated_at=NOW + timedelta(seconds=5))
        )
    now = made(view_of(live_of(own).board(), load()))
    found = asked(sessions_of(own), now)
    assert found.frozen is not None
    assert found.frozen.sha256 == first.sha256
    assert found.report.table("lead") == told.table("lead")
    changed = {(item.table, item.column, item.was, item.now) for item in found.corrections}
    assert ("主办部门统计", "本期", 0, 1) in changed
    assert found.report.table("corrections").rows
    with Session(own) as session, session.begin():
        second = freeze(session, now, "user:chen", NOW + timedelta(days=1))
    assert second.number == 2
    assert second.sha256 != first.sha256


def test_the_same_figures_are_not_frozen_twice(own: Engine, look: View) -> None:
    with Session(own) as session, session.begin():
        freeze(session, made(look), "user:chen", NOW)
        with pytest.raises(ConflictError, match="frozen already"):
            freeze(session, made(look), "user:li", NOW)


def test_a_period_that_runs_cannot_be_frozen(own: Engine, look: View) -> None:
    with Session(own) as session, pytest.raises(InputError, match="has ended"):
        freeze(session, made(look, "2026Q4"), "user:chen", NOW)


def test_a_report_that_does_not_add_up_cannot_be_frozen(own: Engine, look: View) -> None:
    report = made(look)
    broken = replace(report, head=replace(report.head, cases=report.head.cases + 1))
    with Session(own) as session, pytest.raises(InputError, match="add up"):
        freeze(session, broken, "user:chen", NOW)


def test_freezing_is_recorded(own: Engine, look: View) -> None:
    with Session(own) as session, session.begin():
        snapshot = freeze(session, made(look), "user:chen", NOW)
    with Session(own) as session:
        found = [link for link in audit.entries(session) if link.action == "report.frozen"]
    assert [(link.actor, link.subject) for link in found] == [
        ("user:chen", f"report:{snapshot.id}")
    ]
    assert snapshot.sha256 in found[0].details


def test_a_snapshot_changed_behind_our_back_is_refused(own: Engine, look: View) -> None:
    with Session(own) as session, session.begin():
        freeze(session, made(look), "user:chen", NOW)
    with Session(own) as session, session.begin():
        row = session.query(ReportSnapshotRow).one()
        row.body = row.body.replace('"cases":', '"cases": ', 1)
    with Session(own) as session:
        (snapshot,) = store.of(session, PERIOD, "合并重复后|")
        with pytest.raises(ConflictError, match="changed after it was frozen"):
            thawed(snapshot)


def test_scopes_are_frozen_apart(own: Engine, look: View) -> None:
    narrowed = replace(look, base=look.base.plus(branch="城东支行"))
    with Session(own) as session, session.begin():
        freeze(session, made(look), "user:chen", NOW)
        freeze(session, made(look, merged=False), "user:chen", NOW)
        freeze(session, made(narrowed), "user:chen", NOW)
        assert {item.number for item in store.recent(session)} == {1}


def test_without_a_difference_there_is_no_correction(look: View) -> None:
    report = made(look)
    assert corrections(report, made(look)) == []
    assert with_corrections(report, []) is report
