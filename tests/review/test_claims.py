"""Nobody gets what another has; a lost browser's item comes back; what is urgent comes first."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from data.errors import InputError, NotFoundError
from serving.cases.events import Event, record
from serving.review import claims, listing
from serving.review.desk import Reviewer
from serving.review.errors import LeaseLostError, NotForYouError, StaleItemError
from serving.review.opening import sent_back
from serving.review.skipping import skip
from serving.review.transaction import writing
from serving.review.undo import undo
from serving.review.wanted import Wanted, conditions
from serving.store import cases
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow
from tests.review.kit import ANNA, BEN, CHEN, Kit
from tests.triage import build


def test_eight_people_claim_two_hundred_items_and_none_twice(kit: Kit) -> None:
    for _ in range(200):
        kit.keep("年费为什么扣了")
    got: list[str] = []
    failed: list[BaseException] = []
    lock = threading.Lock()

    def work(name: str) -> None:
        try:
            while (item := kit.next(Reviewer(name))) is not None:
                with lock:
                    got.append(item.complaint_id)
                with writing(kit.store.session) as session:
                    claims.locked(session, item.id).state = "done"
                    cases.find(session, item.complaint_id).review = "done"
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(got) == 200
    assert max(Counter(got).values()) == 1


def test_the_most_urgent_come_first_then_the_nearest_deadline_then_the_most_doubtful(
    kit: Kit,
) -> None:
    low = kit.keep(said=build.prediction(urgency="IV"))
    sure = kit.keep(said=build.prediction(confidence=0.9))
    unsure = kit.keep(said=build.prediction(confidence=0.6))
    urgent = kit.keep(said=build.prediction(urgency="I"))
    earlier = kit.keep(said=build.prediction(confidence=0.99), received_at=build.NOW.replace(day=1))
    order = []
    while (item := kit.next(ANNA)) is not None:
        order.append(item.complaint_id)
        labels = {"urgency": "I"} if item.complaint_id == urgent else {}
        kit.submit(ANNA, item, **labels)
    assert order == [urgent, earlier, unsure, sure, low]


def test_a_claim_holds_until_the_lease_runs_out_and_heartbeats_keep_it(kit: Kit) -> None:
    kit.keep()
    item = kit.need(ANNA)
    assert kit.next(BEN) is None
    kit.clock.pass_by(minutes=4)
    with writing(kit.store.session) as session:
        claims.heartbeat(session, kit.desk, ANNA, item.id, kit.clock())
    kit.clock.pass_by(minutes=4)
    assert kit.next(BEN) is None
    kit.clock.pass_by(minutes=2)
    taken = kit.need(BEN)
    assert taken.id == item.id
    with (
        pytest.raises(LeaseLostError, match="ben"),
        writing(kit.store.session) as session,
    ):
        claims.heartbeat(session, kit.desk, ANNA, item.id, kit.clock())
    with pytest.raises(LeaseLostError, match="现由ben复核"):
        kit.submit(ANNA, item)
    kit.submit(BEN, taken)
    with pytest.raises(LeaseLostError, match="已由ben提交"):
        kit.submit(ANNA, item)


def test_an_expired_lease_is_refused_even_if_nobody_took_the_item(kit: Kit) -> None:
    complaint_id = kit.keep()
    item = kit.need(ANNA)
    kit.clock.pass_by(minutes=6)
    with pytest.raises(LeaseLostError, match="超时"):
        kit.submit(ANNA, item)
    assert kit.case(complaint_id).review == "waiting"
    with writing(kit.store.session) as session:
        again = claims.claim(session, kit.desk, ANNA, item.id, kit.clock())
    assert kit.submit(ANNA, again).decision_id is None
    assert kit.case(complaint_id).review == "done"


def test_asking_for_the_next_gives_what_one_holds_and_makes_the_other_window_stale(
    kit: Kit,
) -> None:
    kit.keep()
    kit.keep()
    first = kit.need(ANNA)
    second = kit.need(ANNA)
    assert first.id == second.id
    with pytest.raises(StaleItemError):
        kit.submit(ANNA, first)
    kit.submit(ANNA, second)


def test_what_is_given_back_is_there_at_once(kit: Kit) -> None:
    kit.keep()
    item = kit.need(ANNA)
    with writing(kit.store.session) as session:
        claims.release(session, ANNA, item.id, kit.clock())
    with pytest.raises(LeaseLostError, match="没有人占用"):
        kit.submit(ANNA, item)
    assert kit.need(BEN).id == item.id


def test_skipped_items_go_to_others_and_some_to_leads_only(kit: Kit) -> None:
    kit.keep()
    item = kit.need(ANNA)
    with writing(kit.store.session) as session:
        skip(session, ANNA, item.id, item.version, "unclear", "13800138000看不懂", kit.clock())
    assert kit.next(ANNA) is None
    again = kit.need(BEN)
    with writing(kit.store.session) as session:
        skip(session, BEN, again.id, again.version, "needs_lead", None, kit.clock())
    assert kit.next(BEN) is None
    assert kit.next(Reviewer("dora")) is None
    with (
        pytest.raises(NotForYouError, match="组长"),
        writing(kit.store.session) as session,
    ):
        claims.claim(session, kit.desk, Reviewer("dora"), item.id, kit.clock())
    assert kit.need(CHEN).id == item.id


def test_a_skip_needs_a_reason_there_is(kit: Kit) -> None:
    kit.keep()
    item = kit.need(ANNA)
    with pytest.raises(InputError, match="reason"), writing(kit.store.session) as session:
        skip(session, ANNA, item.id, item.version, "bored", None, kit.clock())


def test_audit_samples_get_their_turn_but_never_before_the_most_urgent(kit: Kit) -> None:
    audit = kit.keep(said=build.prediction(urgency="IV"), reasons=("audit_sample",))
    kit.keep()
    urgent = kit.keep(said=build.prediction(urgency="I"))
    first = kit.need(ANNA, draw=lambda: 0.0)
    assert first.complaint_id == urgent
    kit.submit(ANNA, first, urgency="I")
    second = kit.need(ANNA, draw=lambda: 0.05)
    assert second.complaint_id == audit
    assert second.blind
    assert second.selection == "audit_sample"
    assert second.inclusion == 0.02
    kit.submit(ANNA, second, urgency="IV")
    assert kit.need(ANNA, draw=lambda: 0.5).complaint_id != audit


FILTERS: list[tuple[Wanted, set[str]]] = [
    (Wanted(urgency="II"), {"fee", "fraud"}),
    (Wanted(product="B0302"), {"fee", "fraud"}),
    (Wanted(product="B03026"), {"fraud"}),
    (Wanted(reason="C10"), {"fraud"}),
    (Wanted(source="pbc"), {"fee"}),
    (Wanted(branch="城东支行"), {"loan"}),
    (Wanted(why="ambiguous"), {"loan"}),
    (Wanted(why="ambiguous:product"), {"loan"}),
    (Wanted(why="%"), set()),
    (Wanted(kind="audit"), {"blind"}),
    (Wanted(find="CC-1"), {"fraud"}),
    (Wanted(hours=48), set()),
    (Wanted(lead="no_such"), set()),
]


def listed(
    session: Session, kit: Kit, reviewer: Reviewer, wanted: Wanted
) -> tuple[list[ItemRow], int]:
    """The first page of the queue."""
    return listing.listed(
        session, kit.desk, reviewer, wanted, kit.clock(), limit=10, offset=0, most=10
    )


def test_filters_choose_what_they_say(kit: Kit) -> None:
    ids = {
        kit.keep(source="pbc"): "fee",
        kit.keep(
            "卡里的钱", build.prediction("B03026", "C10", "II"), external_id="CC-1", source="phone"
        ): "fraud",
        kit.keep(
            said=build.prediction("B0201", "C07"), branch="城东支行", reasons=("ambiguous:product",)
        ): "loan",
        kit.keep(said=build.prediction("B9901", "C02"), reasons=("audit_sample",)): "blind",
    }
    for wanted, found in FILTERS:
        with kit.session() as session:
            rows, _ = listed(session, kit, ANNA, wanted)
            assert {ids[row.complaint_id] for row in rows} == found, wanted
            assert listing.waiting(session, kit.desk, ANNA, wanted, kit.clock(), 99) == len(found)
        item = kit.next(ANNA, wanted=wanted)
        assert (ids[item.complaint_id] in found) if item else not found
        if item:
            with writing(kit.store.session) as session:
                claims.release(session, ANNA, item.id, kit.clock())


def test_a_filter_that_means_nothing_is_refused(kit: Kit) -> None:
    for given in (
        {"urgency": "V"},
        {"product": "X"},
        {"hours": "-1"},
        {"kind": "x"},
        {"why": "x" * 200},
    ):
        with pytest.raises(InputError), kit.session() as session:
            listed(session, kit, ANNA, Wanted.of(given))


def test_an_item_there_is_not(kit: Kit) -> None:
    with pytest.raises(NotFoundError), writing(kit.store.session) as session:
        claims.claim(session, kit.desk, ANNA, "nothing", kit.clock())


def test_a_filter_of_the_case_finds_second_opinions_and_adjudications_too(kit: Kit) -> None:
    kit.desk = replace(kit.desk, terms=replace(kit.desk.terms, double=1.0))
    complaint_id = kit.keep(source="phone")
    wanted, other = Wanted(product="B0302", source="phone"), Wanted(product="B0201")

    def rounds(reviewer: Reviewer, asked: Wanted) -> list[int]:
        with kit.session() as session:
            where = [*conditions(asked, kit.desk, kit.clock(), session), *claims.allowed(reviewer)]
            found = list(session.scalars(claims.queue_of(where, columns=ItemRow)))
            page, total = listed(session, kit, reviewer, asked)
            assert [row.id for row in page] == [row.id for row in found]
            assert total == len(found)
            return [row.round for row in found]

    assert rounds(ANNA, wanted) == [1]
    kit.submit(ANNA, kit.need(ANNA, wanted=wanted))
    assert kit.case(complaint_id).review == "done"
    assert rounds(ANNA, wanted) == []
    for asked in (wanted, Wanted(kind="double"), Wanted(kind="double", reason="C03")):
        assert rounds(BEN, asked) == [2]
    for asked in (other, Wanted(kind="first"), Wanted(kind="adjudication")):
        assert rounds(BEN, asked) == []
    kit.submit(BEN, kit.need(BEN, wanted=wanted), reason="C06")
    assert kit.case(complaint_id).review == "waiting"
    for asked in (wanted, Wanted(kind="adjudication", reason="C03")):
        assert rounds(CHEN, asked) == [3]
    assert rounds(CHEN, other) == []
    assert kit.next(CHEN, wanted=other) is None
    assert kit.need(CHEN, wanted=wanted).round == 3


def test_what_is_open_on_a_case_is_found_by_its_filter_however_it_came_there(kit: Kit) -> None:
    """The few that wait are looked up by that: no writer may leave an item open on another."""
    kit.desk = replace(kit.desk, terms=replace(kit.desk.terms, double=1.0))

    def check() -> None:
        with kit.session() as session:
            query = select(ItemRow, CaseRow.review).join(
                CaseRow, CaseRow.complaint_id == ItemRow.complaint_id
            )
            rows = session.execute(query.where(ItemRow.state == "open")).all()
            assert rows
            assert all(item.round == 2 or review == "waiting" for item, review in rows)

    def bounced(complaint_id: str) -> None:
        with writing(kit.store.session) as session:
            told = Event(complaint_id, "bounced", "clerk", body={"reason": "other"})
            record(session, told, kit.clock())
            sent_back(session, cases.find(session, complaint_id), kit.desk, kit.clock())

    kept = kit.keep()
    check()
    kit.submit(ANNA, kit.need(ANNA))
    check()
    # Sent back while somebody works on the second opinion, then taken back, then afresh.
    item = kit.need(BEN)
    bounced(kept)
    check()
    kit.submit(BEN, item)
    fresh = kit.keep()
    kit.submit(ANNA, kit.need(ANNA, wanted=Wanted(find=fresh)))
    with writing(kit.store.session) as session:
        undo(session, kit.desk, ANNA, kit.clock())
    check()
    bounced(fresh)
    check()
