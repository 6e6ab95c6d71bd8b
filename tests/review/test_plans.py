"""The queue is read through indexes made for it, and not through all that was ever reviewed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from serving.review import bulk, listing, opening
from serving.review.clusters import clusters
from serving.review.wanted import Wanted
from tests.review.kit import CHEN, Kit

OPEN, WAITING, BANDS = "ix_review_items_open", "ix_cases_waiting", "ix_review_bands_complaint"


def plan_of(kit: Kit, begun: str, work: Any) -> str:
    """How the database goes about the first statement that begins so."""
    found: list[tuple[str, Any]] = []

    def seen(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if " ".join(statement.split()).startswith(begun):
            found.append((statement, parameters))

    engine = kit.store.engine
    event.listen(engine, "before_cursor_execute", seen)
    with kit.session() as session:
        work(session)
    event.remove(engine, "before_cursor_execute", seen)
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # So small a table it would rather read whole.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(explain + found[0][0], found[0][1])
        return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(
    ("wanted", "indexes"),
    [
        (Wanted(), {OPEN}),
        (Wanted(kind="double"), {OPEN}),
        (Wanted(product="B0302"), {WAITING}),
        (Wanted(channel="branch", reason="C03"), {WAITING}),
    ],
)
def test_pages_of_the_queue(kit: Kit, wanted: Wanted, indexes: set[str]) -> None:
    kit.keep()

    def work(session: Any) -> None:
        listing.listed(session, kit.desk, CHEN, wanted, kit.clock(), limit=9, offset=0, most=9)

    plan = plan_of(kit, "SELECT review_items.id FROM", work)
    assert all(index in plan for index in indexes), plan


def test_bulk_and_its_groups(kit: Kit) -> None:
    kit.keep()

    def choose(session: Any) -> None:
        bulk.choose(session, kit.desk, CHEN, Wanted(product="B0302"), kit.clock())

    assert WAITING in plan_of(kit, "SELECT review_items.id, review_items.version", choose)
    begun = "SELECT string_agg" if kit.store.engine.dialect.name != "sqlite" else "SELECT group_"
    plan = plan_of(kit, begun, clusters)
    assert OPEN in plan, plan
    assert BANDS in plan, plan


def test_a_start_looks_for_each_waiting_cases_own_item(kit: Kit) -> None:
    """By the open ones each of a long queue would be held against all others."""
    if kit.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL joins the two, whichever index it takes")
    kit.keep()

    def adopted(session: Any) -> None:
        assert opening.adopt(session, kit.desk, kit.clock()) == 0

    plan = plan_of(kit, "SELECT cases.complaint_id", adopted)
    assert "ix_review_items_complaint (complaint_id=?" in plan, plan
    assert OPEN not in plan, plan
