"""Every number on a board is the length of the list behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from data.taxonomy.load import load
from serving.boards.choosing import conditions
from serving.boards.deadlines import deadlines
from serving.boards.departments import loads
from serving.boards.facts import NONE
from serving.boards.filter import CaseFilter
from serving.boards.health import health
from serving.boards.hotspots import hotspots
from serving.boards.listing import SIZE, listing, ordered
from serving.boards.reviewers import reviewers
from serving.boards.today import today
from serving.boards.trends import ALONG, grid, trend
from serving.boards.view import Count, View
from serving.store.rows.cases import CaseRow
from tests.boards.kit import live_of, view_of


def counts(value: Any) -> Iterator[Count]:
    """Every count in a board, wherever it stands."""
    if isinstance(value, Count):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from counts(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            yield from counts(getattr(value, item.name))


BOARDS = {
    "today": today,
    "trend": lambda view: [trend(view, axis, "week") for axis in ALONG],
    "daily": lambda view: trend(view, "lead", "day"),
    "monthly": lambda view: trend(view, "product", "month"),
    "grid": lambda view: grid(view, "product", "reason", *view.since(60)),
    "departments": lambda view: loads(view, "lead", *view.since(30)),
    "branches": lambda view: loads(view, "branch", *view.since(30)),
    "deadlines": lambda view: deadlines(view, *view.since(90)),
    "health": lambda view: health(view, *view.since(90)),
    "hotspots": hotspots,
}


@pytest.mark.parametrize("name", BOARDS)
def test_numbers_equal_their_lists(engine: Engine, view: View, name: str) -> None:
    found = list(counts(BOARDS[name](view)))
    assert found or name == "hotspots"
    rng = np.random.default_rng(1)
    few: list[int] = (
        rng.choice(len(found), size=min(40, len(found)), replace=False).tolist() if found else []
    )
    for count in found:
        assert int(view.mask(count.filter).sum()) == count.n, count.filter.query()
    with Session(engine) as session:
        for place in few:
            count = found[int(place)]
            query = select(func.count()).select_from(CaseRow)
            asked = conditions(count.filter, view.axes, view.now)
            assert session.scalar(query.where(*asked)) == count.n, count.filter.query()


def test_a_narrowed_board_counts_only_that(view: View) -> None:
    narrowed = replace(view, base=CaseFilter().plus(branch="城东支行"))
    for count in counts(today(narrowed)):
        assert "branch=" in count.filter.query()
        assert int(view.mask(count.filter).sum()) == count.n


def test_the_bands_of_a_trend_add_up(view: View) -> None:
    found = trend(view, "product", "week")
    for place, total in enumerate(found.totals):
        assert sum(series.counts[place].n for series in found.series) == total.n
    assert len(found.series) <= 7


def test_below_a_chosen_code_its_children_are_shown(view: View) -> None:
    narrowed = replace(view, base=CaseFilter().plus(product="B03"))
    found = trend(narrowed, "product", "month")
    assert found.level == 2
    head = view.axes["product"].head
    assert head is not None
    for series in found.series:
        for code in series.code.split(","):
            assert code.removesuffix("!") == "B03" or head.by_code[code].parent == "B03"


def test_people_of_the_label_records(view: View) -> None:
    found = reviewers(view, *view.since(90))
    assert {person.who for person in found.people} == {"lin", "zhao", "sun", "qian"}
    assert sum(n for _, n in found.by_day) > 0
    kappas = {item.head: item.kappa for item in found.agreement}
    assert kappas["product"] is not None
    assert 0.4 < kappas["product"].kappa < 1


def test_audit_samples_stand_for_the_whole(view: View) -> None:
    found = {head.head: head for head in health(view, *view.since(100)).heads}
    product = found["product"]
    assert 0 < product.unbiased.n < product.reviewed.n
    assert product.unbiased.low <= product.unbiased.value <= product.unbiased.high
    assert sum(bin_.right.n for bin_ in product.bins) == product.reviewed.n


@pytest.mark.parametrize("sort", ["received", "oldest", "due", "priority", "confidence"])
def test_pages_of_a_list_hold_each_complaint_once(engine: Engine, view: View, sort: Any) -> None:
    narrowed = replace(view, base=CaseFilter().plus(status=("open", "accepted")))
    seen: list[str] = []
    with Session(engine) as session:
        first = listing(session, narrowed, sort, 1, size=7)
        for page in range(1, -(-first.total // 7) + 1):
            shown = listing(session, narrowed, sort, page, 7).lines
            seen += [line.case.complaint_id for line in shown]
    assert len(seen) == len(set(seen)) == first.total
    assert seen == [view.facts.id(int(row)) for row in ordered(narrowed, sort)]


def test_a_page_beyond_the_end_is_the_last(engine: Engine, view: View) -> None:
    with Session(engine) as session:
        found = listing(session, view, "received", 10_000)
    assert found.page == -(-400 // SIZE)
    assert found.lines


def test_columns_without_a_code_are_not_lost(view: View) -> None:
    total = sum(view.facts["branch"].counts().values())
    assert total == len(view.facts)
    assert view.facts["branch"].counts()[NONE] > 0


def test_codes_of_lists_have_their_names(view: View) -> None:
    assert view.axes["segment"].label("corporate") == "对公客户"
    assert view.axes["source"].label("phone") == "电话客服"


def test_a_change_is_seen_at_the_next_look(engine: Engine) -> None:
    live = live_of(engine)
    before = live.board()
    some = before.facts.id(3)
    with Session(engine) as session, session.begin():
        case = session.get_one(CaseRow, some)
        kept = case.bounces, case.updated_at, case.lead
        case.bounces, case.lead = 9, "elsewhere"
        case.updated_at = before.as_of + timedelta(seconds=1)
    try:
        after = live.board()
        assert after.facts.id(3) == some
        assert int(after.facts.bounces[3]) == 9
        wanted = CaseFilter().plus(lead="elsewhere")
        view = view_of(after, load())
        assert view.count(wanted).n == 1
        assert len(after.facts.clocks) == len(before.facts.clocks)
        assert int(before.facts.bounces[3]) == kept[0]
    finally:
        with Session(engine) as session, session.begin():
            case = session.get_one(CaseRow, some)
            case.bounces, case.updated_at, case.lead = kept
