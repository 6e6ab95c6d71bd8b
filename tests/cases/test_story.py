from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sqla_event

from data.errors import NotFoundError
from data.exchange.judgement import Judgement
from serving.cases.desk import Desk
from serving.cases.events import Event
from serving.cases.moments import Moment, moments
from serving.cases.story import Story, story
from serving.feedback import take
from serving.review.desk import Terms
from serving.review.skipping import skip
from serving.review.transaction import writing
from serving.security.audit import Record
from serving.store import audit, outbox, privacy
from serving.store.rows.outbox import CaseEventRow
from tests.review.kit import ANNA, BEN, CHEN, Kit, kit_on


@pytest.fixture
def kit(database_url: str) -> Iterator[Kit]:
    """Everything gets a second opinion."""
    found = kit_on(database_url, Terms(double=1.0, double_audit=1.0))
    yield found
    found.store.close()


def happen(kit: Kit, complaint_id: str, kind: str, **given: Any) -> None:
    desk = Desk(kit.desk.policies, kit.desk.taxonomy)
    at = given.pop("at", None)
    told = Event(complaint_id, kind, "staff-7", at=at, body=given.pop("body", {}), **given)
    with writing(kit.store.session) as session:
        desk.take(session, told, "key:crm", kit.clock())


def told(kit: Kit, complaint_id: str, *, audited: bool = False) -> Story:
    with kit.session() as session:
        return story(session, complaint_id, audited=audited)


def order(kit: Kit, complaint_id: str) -> str:
    message = outbox.message(complaint_id, complaint_id, "d", "order", "lead", kit.clock())
    with writing(kit.store.session) as session:
        outbox.add(session, [message])
    return str(message["id"])


def lived(kit: Kit) -> str:
    """A complaint that everything happened to."""
    complaint_id = kit.keep("卡年费乱收，电话13800138000，要求退费")
    order(kit, complaint_id)
    item = kit.need(ANNA)
    with writing(kit.store.session) as session:
        skip(session, ANNA, item.id, item.version, "recusal", None, kit.clock())
    item = kit.need(BEN)
    kit.clock.pass_by(seconds=42)
    kit.submit(BEN, item, product="B03015")
    kit.submit(CHEN, kit.need(CHEN))
    happen(kit, complaint_id, "accepted", department="credit_card_center")
    labels = {"product": "B03026"}
    happen(
        kit, complaint_id, "bounced", body={"reason": "not_ours", "labels": labels}, note="不归我们"
    )
    kit.clock.pass_by(hours=3)
    happen(kit, complaint_id, "contacted", at=kit.clock.now - timedelta(hours=2))
    happen(kit, complaint_id, "resolved", body={"result": "refunded"})
    happen(kit, complaint_id, "opinion", body={"satisfaction": "satisfied"})
    return complaint_id


def kinds(found: tuple[Moment, ...]) -> list[str]:
    return [
        one.kind if one.kind not in ("event", "act") else f"{one.kind}:{one.body.kind}"
        for one in found
    ]


def test_everything_stands_in_order_of_time_and_once(kit: Kit) -> None:
    found = moments(told(kit, lived(kit)))
    assert [one.at for one in found] == sorted(one.at for one in found)
    seen = kinds(found)
    assert seen[:2] == ["received", "decided"]
    expected = [
        "order", "act:skipped", "act:submitted", "event:accepted", "event:bounced", "labels",
        "event:contacted", "event:resolved", "event:opinion",
    ]  # fmt: skip
    assert [kind for kind in seen if kind in expected] == [
        "order", "act:skipped", "act:submitted", "act:submitted", "event:accepted",
        "event:bounced", "labels", "event:contacted", "event:resolved", "event:opinion",
    ]  # fmt: skip
    # The act tells it; the event and the records of the review would tell it again.
    assert "event:reviewed" not in seen
    late = next(one for one in found if one.kind == "event" and one.body.kind == "contacted")
    assert late.recorded_at is not None
    assert late.recorded_at - late.at > timedelta(hours=1)
    assert {one.chapter for one in found} == {"handling", "judging", "sending"}


def test_a_correction_is_a_decision_with_what_it_changed(kit: Kit) -> None:
    found = told(kit, lived(kit))
    first, second = found.decisions[:2]
    assert first.by is None
    assert first.changes == ()
    assert second.by == BEN.who
    assert found.standing.id == found.case.decision_id
    assert ("label", "product") in {(one.kind, one.what) for one in second.changes}


def test_rounds_tell_time_skips_and_agreement(kit: Kit) -> None:
    first, second = told(kit, lived(kit)).rounds[:2]
    assert first.seconds is not None
    assert first.seconds >= 42
    assert first.skips == 1
    assert first.differing is None
    assert second.item.submitted_by == CHEN.who
    assert second.differing == ("product",)


def test_clocks_have_name_and_basis_and_say_how_they_ended(kit: Kit) -> None:
    found = told(kit, lived(kit))
    assert found.clocks
    assert all(one.name and one.basis for one in found.clocks)
    assert {one.row.state for one in found.clocks} <= {"met", "breached", "void"}


def test_the_audit_trail_is_read_only_where_it_is_asked_for(kit: Kit) -> None:
    complaint_id = lived(kit)
    assert told(kit, complaint_id).audited == ()
    with writing(kit.store.session) as session:
        record = Record("user:x", "labels.recorded", complaint_id, {})
        audit.append(session, [record], kit.clock())
    found = told(kit, complaint_id, audited=True).audited
    assert [link.seq for link in found] == sorted(link.seq for link in found)
    assert {link.subject for link in found} == {complaint_id, f"complaint:{complaint_id}"}


def test_of_an_erased_one_codes_and_times_are_left(kit: Kit) -> None:
    complaint_id = lived(kit)
    with writing(kit.store.session) as session:
        held = privacy.Held((complaint_id,), ())
        privacy.erase(session, held, "customer.erased", "asked", "cli:x", kit.clock())
    found = told(kit, complaint_id)
    assert found.erased_at is not None
    assert kinds(moments(found))[-1] == "erased"
    assert found.complaint.text == ""
    assert all(row.note is None for row in found.events)
    assert len(found.decisions) >= 2
    assert [row.code for row in found.labels if row.role == "department"] == ["B03026"]


def test_records_that_came_by_themselves_are_one_moment(kit: Kit) -> None:
    complaint_id = kit.keep()
    said = Judgement(
        labels={"product": "B03022", "reason": "C03"}, who="teller", role="customer",
        id=complaint_id, decided_at=kit.clock(),
    )  # fmt: skip
    with writing(kit.store.session) as session:
        take(session, [said], kit.desk.taxonomy, kit.clock(), "import")
    (one,) = [moment for moment in moments(told(kit, complaint_id)) if moment.kind == "labels"]
    assert {row.head for row in one.body} == {"product", "reason"}


def test_a_blind_look_is_known(kit: Kit) -> None:
    complaint_id = kit.keep()
    assert not told(kit, complaint_id).blind
    kit.submit(ANNA, kit.need(ANNA))
    assert told(kit, complaint_id).blind


def test_it_takes_as_many_queries_however_much_happened(kit: Kit) -> None:
    old = lived(kit)
    new = kit.keep()
    with writing(kit.store.session) as session:
        rows = session.query(CaseEventRow).filter_by(complaint_id=old).all()
        assert len(rows) > 5
    counts = []
    for complaint_id in (new, old):
        with counted(kit) as asked:
            told(kit, complaint_id, audited=True)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 12


@contextmanager
def counted(kit: Kit) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    engine = kit.store.engine
    sqla_event.listen(engine, "before_cursor_execute", note)
    yield asked
    sqla_event.remove(engine, "before_cursor_execute", note)


def test_what_is_not_there_is_not_found(kit: Kit) -> None:
    with kit.session() as session, pytest.raises(NotFoundError):
        story(session, "01J00000000000000000000000")
