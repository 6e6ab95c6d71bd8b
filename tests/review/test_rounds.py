"""Second opinions are blind and somebody else's; where they differ a lead decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from data.snapshot.record import in_force
from serving.review import agreement
from serving.review.desk import Reviewer, Terms
from serving.review.errors import CannotUndoError
from serving.review.preview import preview
from serving.review.sight import sight
from serving.review.transaction import writing
from serving.review.undo import undo
from serving.store import labels
from tests.review.kit import ANNA, BEN, CHEN, Kit, kit_on
from tests.triage import build


@pytest.fixture
def doubled(database_url: str) -> Iterator[Kit]:
    found = kit_on(database_url, Terms(double=1.0, double_audit=1.0))
    yield found
    found.store.close()


def test_a_second_opinion_that_agrees_changes_nothing(doubled: Kit) -> None:
    complaint_id = doubled.keep()
    follow = doubled.submit(ANNA, doubled.need(ANNA)).follow
    assert follow is not None
    assert doubled.case(complaint_id).review == "done"
    assert doubled.next(ANNA) is None
    second = doubled.need(BEN)
    assert (second.round, second.blind, second.first_by) == (2, True, "anna")
    assert doubled.submit(BEN, second).follow is None
    assert doubled.next(CHEN) is None


def test_a_difference_goes_to_a_lead_who_had_no_part_in_it(doubled: Kit) -> None:
    complaint_id = doubled.keep()
    doubled.submit(ANNA, doubled.need(ANNA))
    second = doubled.need(BEN)
    done = doubled.submit(BEN, second, product="B0201", reason="C07")
    assert done.decision_id is None
    assert doubled.case(complaint_id).product == "B03022"
    assert doubled.case(complaint_id).review == "waiting"
    assert doubled.next(Reviewer("dora")) is None
    assert doubled.next(Reviewer("ben", lead=True)) is None
    third = doubled.need(CHEN)
    assert (third.round, third.reasons) == (3, ["disagreement:product", "disagreement:reason"])
    with doubled.session() as session:
        heads = {head.name: head for head in sight(session, doubled.desk, third.id).heads}
    assert [one[:2] for one in heads["product"].opinions] == [("anna", "B03022"), ("ben", "B0201")]
    assert heads["product"].chosen == ""
    assert heads["urgency"].chosen == "III"
    doubled.submit(CHEN, third, product="B0201", reason="C07")
    assert doubled.case(complaint_id).product == "B0201"
    assert doubled.case(complaint_id).review == "done"
    with doubled.session() as session:
        held = in_force(labels.of(session, complaint_id))
        assert {(r.who, r.role) for r in held.values()} == {("chen", "adjudication")}
        found = agreement.agreement(session, build.NOW, build.NOW + timedelta(days=1))
    assert found["product"].n == 1
    assert found["product"].observed == 0
    assert found["urgency"].observed == 1


def test_an_undo_closes_what_nobody_began_and_stops_where_somebody_did(doubled: Kit) -> None:
    complaint_id = doubled.keep()
    doubled.submit(ANNA, doubled.need(ANNA))
    with writing(doubled.store.session) as session:
        item = undo(session, doubled.desk, ANNA, doubled.clock())
    assert doubled.next(BEN) is None
    assert [row.state for row in doubled.items(complaint_id)] == ["open", "closed"]
    doubled.submit(ANNA, doubled.item(item.id))
    doubled.need(BEN)
    with (
        pytest.raises(CannotUndoError, match="另一位"),
        writing(doubled.store.session) as session,
    ):
        undo(session, doubled.desk, ANNA, doubled.clock())


def test_undoing_a_second_opinion_takes_the_adjudication_away(doubled: Kit) -> None:
    complaint_id = doubled.keep()
    doubled.submit(ANNA, doubled.need(ANNA))
    doubled.submit(BEN, doubled.need(BEN), reason="C07")
    with writing(doubled.store.session) as session:
        again = undo(session, doubled.desk, BEN, doubled.clock())
    assert doubled.next(CHEN) is None
    assert doubled.case(complaint_id).review == "done"
    assert doubled.submit(BEN, doubled.item(again.id)).follow is None


def test_what_is_blind_shows_no_answer_rule_route_or_clock(kit: Kit) -> None:
    kit.keep("刚刚被骗转账五万，现在钱还在被转走", reasons=("audit_sample",))
    item = kit.need(ANNA)
    with kit.session() as session:
        seen = sight(session, kit.desk, item.id)
        with pytest.raises(Exception, match="盲审"):
            preview(session, kit.desk, item.id, {}, kit.clock())
    assert (seen.rules, seen.flags, seen.routing, seen.deadlines, seen.past) == (
        (),
        (),
        None,
        (),
        (),
    )
    assert {(h.chosen, h.suggested, h.share, h.doubtful) for h in seen.heads} == {
        ("", None, None, False)
    }
    assert {c.share for h in seen.heads for c in h.candidates} == {None}
    assert all(not mark.marks for mark in seen.pieces)
    assert seen.model is None
    assert seen.floor is None


def test_who_is_blind_to_the_rules_cannot_undercut_them(kit: Kit) -> None:
    complaint_id = kit.keep("刚刚被骗转账五万，现在钱还在被转走", reasons=("audit_sample",))
    kit.submit(ANNA, kit.need(ANNA), urgency="IV")
    assert kit.case(complaint_id).urgency == "I"
    with kit.session() as session:
        said = {r.head: r for r in labels.of(session, complaint_id)}
    assert said["urgency"].code == "IV"
    assert {(r.selection, r.inclusion) for r in said.values()} == {("audit_sample", 0.02)}
