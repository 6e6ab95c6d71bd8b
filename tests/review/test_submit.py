"""What people say holds: records, decision, case, clocks, event, and the way back."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from data.errors import InputError
from data.snapshot.record import in_force
from serving.cases import events
from serving.cases.events import Event
from serving.monitoring import window
from serving.review import opening
from serving.review.answers import complaint_of, model_answer, standing_answer
from serving.review.difference import differences
from serving.review.errors import CannotUndoError
from serving.review.redecide import Said, ground, redecide
from serving.review.transaction import writing
from serving.review.undo import undo
from serving.store import audit, cases, labels, privacy
from serving.store.rows.cases import ClockRow
from serving.store.rows.outbox import CaseEventRow
from serving.store.rows.review import ActRow, BandRow, ItemRow
from serving.store.tables import DecisionRow
from tests.review.kit import ANNA, BEN, RIGHT, Kit
from tests.triage import build

FRAUD = {"product": "B03026", "reason": "C10", "urgency": "II"}


def decisions(kit: Kit, complaint_id: str) -> list[dict[str, object]]:
    with kit.session() as session:
        query = select(DecisionRow.body).where(DecisionRow.complaint_id == complaint_id)
        return [orjson.loads(b) for b in session.scalars(query.order_by(DecisionRow.created_at))]


def kinds(kit: Kit, complaint_id: str) -> list[str]:
    with kit.session() as session:
        query = select(CaseEventRow.kind).where(CaseEventRow.complaint_id == complaint_id)
        return list(session.scalars(query.order_by(CaseEventRow.recorded_at, CaseEventRow.id)))


def test_confirming_records_labels_and_changes_no_decision(kit: Kit) -> None:
    complaint_id = kit.keep()
    done = kit.submit(ANNA, kit.need(ANNA), comment="回电13800138000")
    assert done.changed == ()
    assert done.decision_id is None
    assert len(decisions(kit, complaint_id)) == 1
    case = kit.case(complaint_id)
    assert (case.review, case.lead) == ("done", "credit_card_center")
    with kit.session() as session:
        records = labels.of(session, complaint_id)
        assert {r.head: r.code for r in records} == RIGHT
        assert {(r.who, r.role, r.via, r.bundle) for r in records} == {
            ("anna", "review", "workbench", "m1")
        }
        assert {(r.selection, r.inclusion) for r in records} == {("low_confidence:reason", 1.0)}
        assert all("138001" not in (r.comment or "") for r in records)
        trail = audit.latest(session, f"complaint:{complaint_id}")
        assert trail is not None
        assert (trail.actor, trail.action) == ("user:anna", "labels.recorded")
    assert kinds(kit, complaint_id) == ["reviewed"]


def test_correcting_decides_anew_routes_anew_and_runs_the_clocks_anew(kit: Kit) -> None:
    complaint_id = kit.keep()
    done = kit.submit(ANNA, kit.need(ANNA), **FRAUD)
    assert done.changed == ("product", "reason", "urgency")
    first, second = decisions(kit, complaint_id)
    assert "reviewed" not in first
    reviewed = second["reviewed"]
    assert reviewed == {
        "by": "anna",
        "at": reviewed["at"],  # type: ignore[index]
        "round": 1,
        "changed": ["product", "reason", "urgency"],
    }
    told = second["labels"]["product"]  # type: ignore[index]
    assert (told["code"], told["model_code"], told["name"]) == ("B03026", "B03022", "信用卡盗刷")
    case = kit.case(complaint_id)
    assert (case.product, case.urgency, case.decision_id) == ("B03026", "II", done.decision_id)
    assert case.confidence == 0.9
    with kit.session() as session:
        clock = session.get_one(ClockRow, (complaint_id, "first_contact"))
        assert clock.due_at - case.received_at == timedelta(hours=24)
    assert "reviewed" in kinds(kit, complaint_id)


def test_another_lead_department_is_an_event_of_its_own(kit: Kit) -> None:
    complaint_id = kit.keep()
    before = kit.case(complaint_id).lead
    kit.submit(ANNA, kit.need(ANNA), product="B0201", reason="C07")
    after = kit.case(complaint_id).lead
    assert before != after
    with kit.session() as session:
        event = session.scalars(select(CaseEventRow).where(CaseEventRow.kind == "rerouted")).one()
        assert (event.body["from"], event.body["to"], event.department) == (before, after, after)


def test_only_leaves_of_known_heads_are_taken(kit: Kit) -> None:
    complaint_id = kit.keep()
    item = kit.need(ANNA)
    for head, code in (("product", "B0302"), ("product", "X"), ("mood", "bad")):
        with pytest.raises(InputError) as refused:
            kit.submit(ANNA, item, **{head: code})
        assert refused.value.field == f"labels.{head}"
    assert kit.case(complaint_id).review == "waiting"


def test_below_the_rules_only_with_a_reason(kit: Kit) -> None:
    complaint_id = kit.keep("刚刚被骗转账五万，现在钱还在被转走", build.prediction("B03015", "C10"))
    item = kit.need(ANNA)
    assert kit.case(complaint_id).urgency == "I"
    chosen = {"product": "B03015", "reason": "C10", "urgency": "III"}
    with pytest.raises(InputError, match="going below"):
        kit.submit(ANNA, item, **chosen)
    kit.submit(ANNA, item, **chosen, why_below="客户说的是去年的事")
    answer = decisions(kit, complaint_id)[-1]
    assert answer["reviewed"]["below_rules"] == "I"  # type: ignore[index]
    with kit.session() as session:
        record = next(r for r in labels.of(session, complaint_id) if r.head == "urgency")
        assert "去年的事" in (record.comment or "")
    assert "去年的事" not in orjson.dumps(answer).decode()


def test_undoing_restores_by_adding(kit: Kit) -> None:
    complaint_id = kit.keep()
    before = kit.case(complaint_id)
    item = kit.need(ANNA)
    kit.submit(ANNA, item, product="B0201", reason="C07")
    kit.clock.pass_by(minutes=3)
    with writing(kit.store.session) as session:
        again = undo(session, kit.desk, ANNA, kit.clock())
    assert again.id == item.id
    case = kit.case(complaint_id)
    assert (case.product, case.lead, case.review) == (before.product, before.lead, "waiting")
    first, _, third = decisions(kit, complaint_id)
    assert third["labels"] == first["labels"]
    assert third["restored"]["by"] == "anna"  # type: ignore[index]
    with kit.session() as session:
        records = labels.of(session, complaint_id)
        assert len(records) == 6
        assert in_force(records) == {}
        assert model_answer(session, kit.item(item.id))["labels"] == first["labels"]
    kit.submit(ANNA, again, **FRAUD)
    with kit.session() as session:
        held = in_force(labels.of(session, complaint_id))
        assert {head: record.code for head, record in held.items()} == FRAUD
        acts = session.scalars(select(ActRow.kind).order_by(ActRow.id)).all()
    assert acts == ["claimed", "submitted", "undone", "submitted"]
    assert kit.case(complaint_id).product == "B03026"


def test_undo_has_its_time_and_is_ones_own(kit: Kit) -> None:
    kit.keep()
    kit.submit(ANNA, kit.need(ANNA))
    with pytest.raises(CannotUndoError, match="没有"), writing(kit.store.session) as session:
        undo(session, kit.desk, BEN, kit.clock())
    kit.clock.pass_by(minutes=11)
    with pytest.raises(CannotUndoError, match="10 分钟"), writing(kit.store.session) as session:
        undo(session, kit.desk, ANNA, kit.clock())


def test_nothing_is_undone_that_a_department_built_on(kit: Kit) -> None:
    complaint_id = kit.keep()
    kit.submit(ANNA, kit.need(ANNA))
    policy = kit.desk.policies.at(build.NOW)
    with kit.store.session.begin() as session:
        accepted = Event(complaint_id, "accepted", "dep", department="credit_card_center")
        events.record(session, accepted, kit.clock(), policy)
    with pytest.raises(CannotUndoError, match="受理"), writing(kit.store.session) as session:
        undo(session, kit.desk, ANNA, kit.clock())


def test_the_monitor_measures_what_the_model_answered_not_what_people_made_of_it(kit: Kit) -> None:
    complaint_id = kit.keep()
    kit.submit(ANNA, kit.need(ANNA), **FRAUD)
    with kit.session() as session:
        start = kit.clock.now - timedelta(days=1)
        (one,) = window(session, start, kit.clock.now + timedelta(days=1), 10).observed
    assert one.id == complaint_id
    assert one.answered["product"] == "B03022"
    assert one.outcome["product"] == "B03026"


def test_a_bounce_puts_the_case_into_the_queue_again(kit: Kit) -> None:
    complaint_id = kit.keep()
    kit.submit(ANNA, kit.need(ANNA))
    policy = kit.desk.policies.at(build.NOW)
    with kit.store.session.begin() as session:
        bounced = Event(complaint_id, "bounced", "dep", body={"reason": "wrong"})
        recorded = events.record(session, bounced, kit.clock(), policy)
        opening.sent_back(session, recorded.case, kit.desk, kit.clock())
    item = kit.need(ANNA)
    assert (item.complaint_id, item.round, item.selection) == (complaint_id, 1, "bounced")
    assert item.inclusion is None
    kit.submit(ANNA, item, **FRAUD)
    assert kit.case(complaint_id).review == "done"


def test_cases_without_an_item_are_found_when_the_queue_is_empty(kit: Kit) -> None:
    complaint_id = kit.keep()
    with kit.store.session.begin() as session:
        session.query(ItemRow).delete()
        session.query(BandRow).delete()
    assert kit.need(ANNA).complaint_id == complaint_id
    with kit.session() as session:
        assert session.query(BandRow).count() == 12


def test_the_preview_says_in_words_what_would_change(kit: Kit) -> None:
    complaint_id = kit.keep()
    with kit.session() as session:
        case = cases.find(session, complaint_id)
        complaint = complaint_of(session, case)
        standing = standing_answer(session, case)
        basis = ground(complaint, kit.desk.policies.at(complaint.received_at), kit.desk.taxonomy)
        said = Said({"product": "B0201", "reason": "C07", "urgency": "I"}, "anna", kit.clock())
        told = [str(one) for one in differences(basis, standing, redecide(basis, standing, said))]
    assert "产品线 信用卡使用和还款 → 个人住房贷款" in told
    assert any(one.startswith("主办部门 信用卡中心 → ") for one in told)
    assert "首次联系 1 个工作日 → 1 小时" in told
    assert not any(one.startswith("作出处理决定") for one in told)


def test_erasing_takes_the_words_and_the_signature_and_closes_the_item(kit: Kit) -> None:
    complaint_id = kit.keep()
    item = kit.need(ANNA)
    with kit.store.session.begin() as session:
        row = session.get_one(ItemRow, item.id)
        row.suggestion = b"{}"
        session.add(
            ActRow(item_id=item.id, complaint_id=complaint_id, kind="skipped", who="x",
                   at=kit.clock(), reason="unclear", note="客户是我邻居", body={})
        )  # fmt: skip
        held = privacy.Held((complaint_id,), ())
        privacy.erase(session, held, "customer.erased", "asked", "cli:x", kit.clock())
    found = kit.item(item.id)
    assert (found.suggestion, found.state) == (None, "closed")
    with kit.session() as session:
        assert session.query(BandRow).count() == 0
        assert set(session.scalars(select(ActRow.note))) == {None}
    assert kit.next(BEN) is None
    assert kit.case(complaint_id).review == "none"
