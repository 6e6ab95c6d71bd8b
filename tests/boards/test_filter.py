"""The same filter asked of columns and of the database gives the same complaints."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from data.errors import InputError
from serving.boards.choosing import conditions
from serving.boards.filter import CaseFilter, Span, parse
from serving.boards.view import View
from serving.store.rows.cases import CaseRow
from tests.boards.kit import NOW

CODES: dict[str, list[str]] = {
    "product": ["B03", "B0302", "B0302!", "B03026", "B01", "-"],
    "reason": ["C01", "C03"],
    "urgency": ["I", "II", "IV"],
    "branch": ["城东支行", "-"],
    "source": ["nfra", "phone", "-"],
    "segment": ["corporate", "-"],
    "status": ["open", "accepted", "resolved", "withdrawn"],
    "review": ["waiting", "done"],
    "model": ["m1", "m2"],
}
STATES = ["any", "met", "in_time", "late", "open", "running", "overdue", "1d", "5d", "30d"]


def times() -> st.SearchStrategy[datetime]:
    return st.integers(0, 110).map(lambda days: NOW - timedelta(days=days, hours=3))


@st.composite
def filters(draw: st.DrawFn) -> CaseFilter:
    codes = {
        name: tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)))
        for name, known in CODES.items()
        if draw(st.integers(0, 3)) == 0
    }
    spans: dict[str, Span] = {}
    for name in ("received", "resolved"):
        if draw(st.integers(0, 3)) == 0:
            spans[name] = Span(draw(times()), draw(st.none() | times()))
    switches = {
        name: draw(st.booleans())
        for name in ("automatic", "audit", "bounced")
        if draw(st.integers(0, 4)) == 0
    }
    found = CaseFilter(codes, spans, switches)
    if draw(st.booleans()):
        clock = draw(st.sampled_from(["any", "statutory", "internal", "decide", "plan"]))
        found = found.clock(clock, draw(st.sampled_from(STATES)))
    if draw(st.integers(0, 4)) == 0:
        codes_ = st.sampled_from(["repeat", "media", "group"])
        found = found.flag(*draw(st.lists(codes_, min_size=1, max_size=2)))
    if draw(st.integers(0, 4)) == 0:
        found = found.judgement("product", draw(st.sampled_from(["kept", "changed", "any"])))
    return found


def by_columns(view: View, wanted: CaseFilter) -> set[str]:
    rows = view.mask(wanted).nonzero()[0]
    return {view.facts.id(int(row)) for row in rows}


def by_database(engine: Engine, view: View, wanted: CaseFilter) -> set[str]:
    asked = conditions(wanted, view.axes, view.now)
    with Session(engine) as session:
        return set(session.scalars(select(CaseRow.complaint_id).where(*asked)))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=filters())
def test_columns_and_database_choose_alike(engine: Engine, view: View, wanted: CaseFilter) -> None:
    assert by_columns(view, wanted) == by_database(engine, view, wanted)


@settings(max_examples=30)
@given(wanted=filters())
def test_a_filter_survives_its_query_string(wanted: CaseFilter, view: View) -> None:
    again = parse(parse_qsl(wanted.query(), keep_blank_values=True), view.zone)
    assert by_columns(view, again) == by_columns(view, wanted)
    assert again.query() == wanted.query()


def test_nothing_asked_is_everything(view: View) -> None:
    assert int(view.mask(CaseFilter()).sum()) == len(view.facts) == 400


def test_a_code_stands_for_those_below_and_with_a_mark_for_itself(view: View) -> None:
    whole = by_columns(view, CaseFilter().plus(product="B03"))
    parts = [label.code for label in _head(view).labels if label.parent == "B03"]
    below = [by_columns(view, CaseFilter().plus(product=code)) for code in parts]
    assert whole == set().union(*below, by_columns(view, CaseFilter().plus(product="B03!")))


def _head(view: View) -> Any:
    return view.axes["product"].head


def test_a_day_begins_at_midnight_of_the_banks_zone(view: View) -> None:
    found = parse([("from", "2026-11-01"), ("to", "2026-11-02")], view.zone)
    span = found.times["received"]
    assert span.first is not None
    assert span.first.isoformat() == "2026-11-01T00:00:00+08:00"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "yesterday"),
        ("clock", "decide:soon"),
        ("automatic", "maybe"),
        ("judged", "x:y"),
        ("product", ",".join("x" * 201)),
    ],
)
def test_what_cannot_be_read_is_named(view: View, name: str, value: str) -> None:
    with pytest.raises(InputError) as refused:
        parse([(name, value)], view.zone)
    assert refused.value.field == name
