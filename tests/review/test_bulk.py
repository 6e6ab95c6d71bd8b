"""Many at once: what was shown is what is decided, item by item, and all of it comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.review import bulk, views
from serving.review.choice import Choice
from serving.review.clusters import clusters
from serving.review.desk import Reviewer
from serving.review.errors import CannotUndoError, NotForYouError, StaleItemError
from serving.review.transaction import writing
from serving.review.wanted import Wanted
from serving.store import labels
from tests.review.kit import ANNA, BEN, CHEN, RIGHT, Kit
from tests.triage import build

FEE = Wanted(product="B03022")
LONG = "我在贵行办了一张信用卡，上个月开始每个月都被扣十八块钱的权益费，我从来没有开通过"


def chosen(kit: Kit, wanted: Wanted = FEE, **more: bool) -> bulk.Chosen:
    with kit.session() as session:
        return bulk.choose(session, kit.desk, CHEN, wanted, kit.clock(), **more)


def apply(kit: Kit, stamp: str, reviewer: Reviewer = CHEN, **labels: str) -> bulk.Applied:
    choice = Choice({**RIGHT, **labels})
    return bulk.decide(
        kit.store.session,
        kit.desk,
        reviewer,
        FEE,
        choice,
        stamp,
        kit.clock(),  # type: ignore[arg-type]
    )


def test_all_that_was_shown_is_decided_and_all_of_it_comes_back(kit: Kit) -> None:
    ids = [kit.keep() for _ in range(30)]
    kit.keep(said=build.prediction("B0201", "C07"))
    audit = kit.keep(reasons=("audit_sample",))
    urgent = kit.keep(said=build.prediction(urgency="I"))
    found = chosen(kit)
    assert {item.complaint_id for item in found.items} == set(ids)
    assert found.left_out == {"audit": 1, "urgent": 1}
    done = apply(kit, found.stamp, product="B03024", reason="C06")
    assert (done.asked, done.applied, done.refused) == (30, 30, {})
    assert {kit.case(one).product for one in ids} == {"B03024"}
    assert {kit.case(one).review for one in (audit, urgent)} == {"waiting"}
    with kit.session() as session:
        records = labels.of(session, ids[0])
        assert {(r.selection, r.inclusion) for r in records} == {("bulk", None)}
    taken = bulk.undo(kit.store.session, kit.desk, CHEN, done.id, kit.clock())
    assert taken.applied == 30
    assert {kit.case(one).product for one in ids} == {"B03022"}
    assert len(chosen(kit).items) == 30
    with pytest.raises(CannotUndoError):
        bulk.undo(kit.store.session, kit.desk, CHEN, done.id, kit.clock())


def test_what_changed_since_it_was_shown_is_not_decided(kit: Kit) -> None:
    kit.keep()
    stamp = chosen(kit).stamp
    kit.keep()
    with pytest.raises(StaleItemError):
        apply(kit, stamp)
    stamp = chosen(kit).stamp
    kit.need(ANNA)
    with pytest.raises(StaleItemError):
        apply(kit, stamp)


def test_an_item_that_the_rules_hold_up_is_refused_by_itself(kit: Kit) -> None:
    plain = kit.keep()
    held_up = kit.keep("我已经打12378投诉到银保监了，年费为什么扣")
    assert kit.case(held_up).urgency == "II"
    done = apply(kit, chosen(kit).stamp)
    assert (done.asked, done.applied, done.refused) == (2, 1, {"invalid_input": 1})
    assert kit.case(plain).review == "done"
    assert kit.case(held_up).review == "waiting"


def test_very_many_and_the_most_urgent_take_a_lead(kit: Kit) -> None:
    kit.desk = replace(kit.desk, terms=replace(kit.desk.terms, bulk=2))
    for _ in range(3):
        kit.keep()
    kit.keep(said=build.prediction(urgency="I"))
    with pytest.raises(NotForYouError):
        apply(kit, chosen(kit).stamp, BEN)
    with pytest.raises(NotForYouError), kit.session() as session:
        bulk.choose(session, kit.desk, BEN, FEE, kit.clock(), severe=True)
    assert len(chosen(kit, severe=True).items) == 4
    done = apply(kit, chosen(kit).stamp)
    assert done.applied == 3
    with pytest.raises(NotForYouError):
        bulk.undo(kit.store.session, kit.desk, BEN, done.id, kit.clock())


def test_what_says_nearly_the_same_is_a_group(kit: Kit) -> None:
    alike = {kit.keep(LONG + tail) for tail in ("", "，要求退", "，退钱", "，请处理")}
    kit.keep("手机银行转账一直显示处理中，对方两天都没有收到")
    with kit.session() as session:
        (group,) = clusters(session)
    assert group.size == 4
    found = chosen(kit, Wanted(like=group.complaint_id))
    assert {item.complaint_id for item in found.items} == alike


def test_views_are_ones_own_or_shared_by_a_lead(kit: Kit) -> None:
    with writing(kit.store.session) as session:
        mine = views.keep(session, ANNA, "我的", FEE, False, kit.clock())
        shared = views.keep(session, CHEN, "大家的", Wanted(kind="audit"), True, kit.clock())
        assert [row.name for row in views.usable(session, ANNA)] == ["大家的", "我的"]
        assert [row.name for row in views.usable(session, BEN)] == ["大家的"]
        with pytest.raises(NotForYouError):
            views.drop(session, BEN, mine.id)
        with pytest.raises(NotForYouError):
            views.keep(session, ANNA, "x", FEE, True, kit.clock())
        views.drop(session, CHEN, shared.id)
        assert Wanted.of(mine.wanted) == FEE
