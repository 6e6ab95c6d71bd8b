"""The page of a complaint, asked without a browser."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event as sqla_event
from sqlalchemy import select, update

from data.records import Complaint
from serving.store import cases, outbox, privacy
from serving.store.cases import MET
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow, OutboxRow
from serving.store.rows.review import ItemRow
from serving.triage.policy import PACKS
from tests.web.kit import Browser, application, opened, recorded, settings, signed_in
from tests.web.test_queue import ask, begun, version, waiting

_numbers = itertools.count()
_ID = re.compile(r"01[0-9A-HJKMNP-TV-Z]{24}")
TEXT = "态度恶劣，电话13800138000，等了三小时"
EXTENDABLE = """
  - id: decide
    name: 处理决定
    kind: statutory
    basis: 某办法第十八条：十五日内
    pausable: true
    limits: [{amount: 15, unit: natural_days}]
  - id: longer
    name: 处理决定（延长）
    kind: statutory
    basis: 某办法第十八条：情况复杂的可以延长至三十日
    extension: true
    extends: decide
    limits: [{amount: 30, unit: natural_days}]
  - id: longest
    name: 处理决定（再延长）
    kind: statutory
    basis: 某办法第十八条：经上级机构审批，再延长三十日
    extension: true
    extends: decide
    limits: [{amount: 60, unit: natural_days}]
"""


@pytest.fixture(scope="module")
def web(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application with a policy whose clock can be extended twice."""
    directory = tmp_path_factory.mktemp("complaints")
    policy = directory / "policy"
    shutil.copytree(PACKS / "generic", policy)
    deadlines = policy / "deadlines.yaml"
    deadlines.write_text(deadlines.read_text(encoding="utf-8") + EXTENDABLE, encoding="utf-8")
    given = settings(mood_bundle, directory, policy=policy, customer_field="customer")
    with opened(given) as client:
        yield client


def received(web: TestClient, text: str = TEXT, **more: Any) -> str:
    """A complaint that came in an hour ago."""
    state, number = application(web).state.suda, next(_numbers)
    complaint = Complaint(
        text,
        datetime.now(UTC) - timedelta(hours=1),
        **{"external_id": f"C-{number}", "metadata": {"customer": "7", "who": "王小明"}, **more},
    )
    found = _ID.search(state.intake.take(complaint, f"c{number}", None).body.decode())
    assert found is not None
    return found[0]


def change(web: TestClient, table: Any, complaint_id: str, **values: Any) -> None:
    with application(web).state.sessions.begin() as session:
        session.execute(update(table).where(table.complaint_id == complaint_id).values(**values))


def act(browser: Browser, complaint_id: str, kind: str, **form: str) -> Any:
    number = f"form-{next(_numbers)}"
    return browser.post(
        f"/ui/complaints/{complaint_id}/events", kind=kind, **{"form_id": number, **form}
    )


def extend(browser: Browser, complaint_id: str, extension: str = "longer", **form: str) -> Any:
    told = (datetime.now(UTC) + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")
    given = {
        "extension": extension, "approver": "陈主任", "level": "officer", "reason": "须向外部取证",
        "proof": "SMS-1", "told_at": told, "form_id": f"form-{next(_numbers)}", **form,
    }  # fmt: skip
    return browser.post(f"/ui/complaints/{complaint_id}/extension", **given)


def case(web: TestClient, complaint_id: str) -> CaseRow:
    with application(web).state.sessions() as session:
        return cases.find(session, complaint_id)


def clock(web: TestClient, complaint_id: str) -> ClockRow:
    with application(web).state.sessions() as session:
        row: ClockRow | None = session.get(ClockRow, (complaint_id, "decide"))
        assert row is not None
        return row


def test_the_page_tells_it_and_hides_who_it_is(web: TestClient) -> None:
    complaint_id = received(web)
    for role in ("reviewer", "lead", "admin", "auditor"):
        answer = signed_in(web, role).get(f"/ui/complaints/{complaint_id}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        html = answer.text
        assert "收到投诉" in html
        assert "现行判定" in html
        assert "第十八条" in html
        assert "138001" not in html
        assert "王小明" not in html
        assert ("审计记录" in html) == (role in ("admin", "auditor"))
        assert ("登记：受理" in html) == (role != "auditor")
        assert ("显示个人信息" in html) == (role != "auditor")
        assert ("延期申请" in html) == (role in ("lead", "admin"))


def test_nobody_else_sees_it(web: TestClient) -> None:
    complaint_id = received(web)
    here = f"/ui/complaints/{complaint_id}"
    browser = signed_in(web, "lead")
    assert browser.get("/ui/complaints/01J00000000000000000000000").status_code == 404
    from serving.store.rows.web import UserRow

    with application(web).state.sessions.begin() as session:
        session.execute(update(UserRow).values(branch="南门支行"))
    for path in (here, f"{here}/explain", f"{here}/replay", f"{here}/related"):
        assert browser.get(path).status_code == 404
    assert act(browser, complaint_id, "accepted").status_code == 404
    assert extend(browser, complaint_id).status_code == 404
    assert browser.post(f"{here}/reveal").status_code == 404
    assert browser.get("/ui/find?q=" + complaint_id).status_code == 404
    with application(web).state.sessions.begin() as session:
        session.execute(update(UserRow).values(branch=None))
    assert browser.get(here).status_code == 200


def test_personal_data_are_revealed_and_that_is_recorded(web: TestClient) -> None:
    complaint_id = received(web)
    anna = signed_in(web, "reviewer")
    shown = anna.post(f"/ui/complaints/{complaint_id}/reveal")
    assert "13800138000" in shown.text
    assert "王小明" in shown.text
    found = [subject for _, _, subject in recorded(web, "complaint.revealed")]
    assert f"complaint:{complaint_id}" in found
    auditor = signed_in(web, "auditor")
    assert auditor.post(f"/ui/complaints/{complaint_id}/reveal").status_code == 403


def test_events_are_recorded_by_hand_and_once(web: TestClient) -> None:
    complaint_id = received(web)
    anna = signed_in(web, "reviewer")
    for _ in range(2):
        assert act(anna, complaint_id, "accepted", form_id="twice-1").status_code == 303
    wrong = act(anna, complaint_id, "resolved", result="")
    assert wrong.status_code == 422
    assert "处理结果" in wrong.text
    said = {"result": "refunded", "root_cause": "process", "note": "已致电13900139000说明"}
    assert act(anna, complaint_id, "resolved", **said).status_code == 303
    again = act(anna, complaint_id, "resolved", result="refunded")
    assert again.status_code == 409
    assert "不允许" in again.text
    assert act(anna, complaint_id, "opinion", satisfaction="satisfied").status_code == 303
    found = case(web, complaint_id)
    assert (found.status, found.satisfaction) == ("resolved", "satisfied")
    with application(web).state.sessions() as session:
        query = select(CaseEventRow).where(CaseEventRow.complaint_id == complaint_id)
        rows = {row.kind: row for row in session.scalars(query)}
    assert len(rows) == 3
    assert rows["accepted"].department == found.lead
    assert rows["opinion"].department is None
    assert rows["resolved"].who.startswith("reviewer")
    html = anna.get(f"/ui/complaints/{complaint_id}").text
    for words in ("受理", "办结", "refunded", "满意"):
        assert words in html
    assert "13900139000" not in html
    actors = {
        actor for actor, _, subject in recorded(web, "case.resolved") if complaint_id in subject
    }
    assert actors == {f"user:{rows['resolved'].who}"}


def test_what_happened_before_is_told_with_its_time(web: TestClient) -> None:
    complaint_id = received(web)
    anna = signed_in(web, "reviewer")
    zone = application(web).state.suda.intake.pipeline.policies.zone
    before = datetime.now(zone) - timedelta(minutes=40)
    assert act(anna, complaint_id, "contacted", at=f"{before:%Y-%m-%dT%H:%M}").status_code == 303
    assert "补录于" in anna.get(f"/ui/complaints/{complaint_id}").text
    assert act(anna, complaint_id, "planned", at="2099-01-01T00:00").status_code == 422
    assert act(anna, complaint_id, "planned", at="gestern").status_code == 422


def test_what_a_lead_answers_for_takes_a_lead(web: TestClient) -> None:
    complaint_id = received(web)
    anna, chen, auditor = (signed_in(web, role) for role in ("reviewer", "lead", "auditor"))
    assert act(anna, complaint_id, "withdrawn").status_code == 403
    assert extend(anna, complaint_id).status_code == 403
    assert act(auditor, complaint_id, "accepted").status_code == 403
    assert act(chen, complaint_id, "extended", extension="longer").status_code == 422
    assert act(chen, complaint_id, "breached").status_code == 422
    assert act(chen, complaint_id, "no-such").status_code == 422
    assert act(chen, complaint_id, "withdrawn").status_code == 303
    assert case(web, complaint_id).status == "withdrawn"


def test_an_extension_moves_the_clock_under_the_laws_conditions(web: TestClient) -> None:
    complaint_id = received(web)
    chen = signed_in(web, "lead")
    before = clock(web, complaint_id).due_at
    for missing in ("approver", "reason", "proof"):
        assert extend(chen, complaint_id, **{missing: " "}).status_code == 422
    assert extend(chen, complaint_id, level="anybody").status_code == 422
    assert extend(chen, complaint_id, told_at="").status_code == 422
    # The further one is not there before the first.
    assert extend(chen, complaint_id, "longest", level="executive").status_code == 409
    assert clock(web, complaint_id).due_at == before
    assert extend(chen, complaint_id).status_code == 303
    first = clock(web, complaint_id)
    assert first.extended == "longer"
    assert timedelta(days=13) <= first.due_at - before <= timedelta(days=25)
    refused = extend(chen, complaint_id, "longest")
    assert refused.status_code == 422
    assert "上级机构" in refused.text
    assert extend(chen, complaint_id, "longest", level="superior").status_code == 303
    assert clock(web, complaint_id).due_at > first.due_at
    html = chen.get(f"/ui/complaints/{complaint_id}").text
    assert "陈主任（上级机构）" in html
    assert "SMS-1" in html
    assert "再延长三十日" in html
    assert "延期申请" not in html


def test_a_clock_that_was_met_cannot_be_extended(web: TestClient) -> None:
    complaint_id = received(web)
    chen = signed_in(web, "lead")
    change(web, ClockRow, complaint_id, state=MET, met_at=datetime.now(UTC))
    assert extend(chen, complaint_id).status_code == 409


def test_an_admin_sends_a_dead_letter_again(web: TestClient) -> None:
    complaint_id, other = received(web), received(web)
    message = outbox.message(complaint_id, complaint_id, "x", "order", "lead", datetime.now(UTC))
    with application(web).state.sessions.begin() as session:
        outbox.add(session, [message])
    change(web, OutboxRow, complaint_id, state="dead", status=503, error="http_503")
    boss, chen = signed_in(web, "admin"), signed_in(web, "lead")
    here = f"/ui/complaints/{complaint_id}"
    assert "投递失败" in chen.get(here).text
    assert "重新投递</button>" not in chen.get(here).text
    assert "重新投递</button>" in boss.get(here).text
    path = f"messages/{message['id']}/replay"
    assert chen.post(f"{here}/{path}").status_code == 403
    assert boss.post(f"/ui/complaints/{other}/{path}").status_code == 404
    assert boss.post(f"{here}/{path}").status_code == 303
    assert boss.post(f"{here}/{path}").status_code == 409
    assert "重新投递</button>" not in boss.get(here).text
    assert recorded(web, "outbox.replayed")


def test_a_replay_compares_and_keeps_nothing(web: TestClient) -> None:
    complaint_id = received(web)
    anna = signed_in(web, "reviewer")
    here = f"/ui/complaints/{complaint_id}"
    same = anna.get(f"{here}/replay")
    assert same.status_code == 200
    assert "没有差别" in same.text
    from serving.store.tables import DecisionRow

    state = application(web).state.suda
    version = state.intake.pipeline.classifier.version
    with state.intake.store.session.begin() as session:
        row = session.get(DecisionRow, complaint_id)
        assert row is not None
        row.body = row.body.replace(version.encode(), b"older").replace(
            b'"backed_off"', b'"backed_off"'
        )
        body = row.body
    assert "现行判定：older" in anna.get(f"{here}/replay").text
    with state.intake.store.session() as session:
        rows = list(
            session.scalars(select(DecisionRow).where(DecisionRow.complaint_id == complaint_id))
        )
    assert [row.body for row in rows] == [body]


def test_an_explanation_names_clauses_rules_and_routes_without_personal_data(
    web: TestClient,
) -> None:
    complaint_id = received(web, "态度恶劣，电话13800138000，等了三小时，被扣5000元")
    html = signed_in(web, "auditor").get(f"/ui/complaints/{complaint_id}/explain").text
    assert "分句" in html
    assert "态度恶劣" in html
    assert "5000" in html
    assert "138001" not in html
    assert "采用" in html


def test_relatives_are_those_of_the_customer_and_of_the_words(web: TestClient) -> None:
    text = "服务态度恶劣，叫号机坏了没有人管，等了三个小时才办上业务，要求道歉"
    mine = received(web, text, metadata={"customer": "77"})
    same = received(web, "态度恶劣", metadata={"customer": "77"})
    other = received(web, "态度恶劣", metadata={"customer": "78"})
    html = signed_in(web, "reviewer").get(f"/ui/complaints/{mine}/related").text
    assert same in html
    assert other not in html


def test_of_an_erased_complaint_the_page_says_so(web: TestClient) -> None:
    complaint_id = received(web)
    anna = signed_in(web, "reviewer")
    act(anna, complaint_id, "accepted", note="客户很激动")
    held = privacy.Held((complaint_id,), ())
    with application(web).state.sessions.begin() as session:
        privacy.erase(session, held, "customer.erased", "asked", "cli:x", datetime.now(UTC))
    here = f"/ui/complaints/{complaint_id}"
    html = anna.get(here).text
    assert "客户信息已删除" in html
    assert "原文已删除" in html
    assert "受理" in html
    assert "恶劣" not in html
    assert "激动" not in html
    for path in ("replay", "explain", "related"):
        assert anna.get(f"{here}/{path}").status_code == 410
    assert anna.post(f"{here}/reveal").status_code == 410


def test_who_has_a_blind_look_to_do_learns_nothing_here(web: TestClient) -> None:
    complaint_id = received(web)
    found = case(web, complaint_id)
    item = ItemRow(
        id=f"I{next(_numbers)}", complaint_id=complaint_id, round=2, state="open", blind=True,
        audit=False, lead_only=False, rank=0, due_at=found.received_at, ease=0.5,
        reasons=["double"], opened_at=found.received_at, version=1,
    )  # fmt: skip
    with application(web).state.sessions.begin() as session:
        session.add(item)
    here = f"/ui/complaints/{complaint_id}"
    anna = signed_in(web, "reviewer")
    html = anna.get(here).text
    assert "盲审中" in html
    assert "等了三小时" in html
    for told in ("现行判定", "piece--evidence", "经过分类", "主办", "时限</h2>"):
        assert told not in html
    for path in ("replay", "explain", "related"):
        assert anna.get(f"{here}/{path}").status_code == 403
    assert "piece--evidence" not in anna.post(f"{here}/reveal").text
    assert "现行判定" in signed_in(web, "lead").get(here).text


def test_what_reviewers_did_is_told(web: TestClient) -> None:
    with application(web).state.sessions.begin() as session:
        session.execute(update(ItemRow).values(state="closed"))
        session.execute(update(CaseRow).values(review="none"))
    complaint_id = waiting(web, "态度恶劣")
    anna, ben, boss = (signed_in(web, role) for role in ("reviewer", "reviewer", "admin"))
    path = begun(anna).removeprefix("/ui/queue")
    here = f"/ui/complaints/{complaint_id}"
    page = anna.get(f"/ui/queue{path}").text
    ask(anna, f"{path}/skip", {"reason": "recusal", "version": version(page), "note": "亲属"})
    path = begun(ben).removeprefix("/ui/queue")
    ask(ben, f"{path}/reveal")
    page = ben.get(f"/ui/queue{path}").text
    said = {"labels": {"mood": "good"}, "version": version(page), "comment": "其实是表扬"}
    assert ask(ben, f"{path}/submit", said).status_code == 200
    html = boss.get(here).text
    for words in (
        "领取复核",
        "跳过",
        "本人须回避",
        "亲属",
        "提交复核",
        "其实是表扬",
        "改判",
        "标签记录",
    ):
        assert words in html
    assert html.index("本人须回避") < html.index("提交复核")
    assert "与模型当时的判定相比" in boss.get(f"{here}/replay").text
    assert ask(ben, "/undo").status_code == 200
    assert "撤销复核" in boss.get(here).text


def test_the_chapters_narrow_what_happened(web: TestClient) -> None:
    complaint_id = received(web)
    anna = signed_in(web, "reviewer")
    act(anna, complaint_id, "accepted")
    judged = anna.get(f"/ui/complaints/{complaint_id}?show=judging").text
    assert "moment--event" not in judged
    assert "moment--decided" in judged
    assert anna.get(f"/ui/complaints/{complaint_id}?show=all").status_code == 422


def test_a_complaint_is_found_by_its_number(web: TestClient) -> None:
    complaint_id = received(web, external_id="KD-99")
    anna = signed_in(web, "reviewer")
    for asked in ("KD-99", complaint_id, f"%20{complaint_id.lower()}"):
        found = anna.get(f"/ui/find?q={asked}")
        assert found.headers["location"] == f"/ui/complaints/{complaint_id}"
    assert anna.get("/ui/find?q=KD-98").status_code == 404
    assert "请填写编号" in anna.get("/ui/find").text
    second = received(web, external_id="KD-99", source="crm")
    listed = anna.get("/ui/find?q=KD-99").text
    assert complaint_id in listed
    assert second in listed


def test_a_page_takes_a_bounded_number_of_queries(web: TestClient) -> None:
    complaint_id = received(web)
    anna = signed_in(web, "lead")
    for number in range(12):
        act(anna, complaint_id, "opinion", satisfaction="neutral", form_id=f"many-{number}")
    asked: list[str] = []
    engine = application(web).state.suda.intake.store.engine

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    sqla_event.listen(engine, "before_cursor_execute", note)
    assert anna.get(f"/ui/complaints/{complaint_id}").status_code == 200
    sqla_event.remove(engine, "before_cursor_execute", note)
    assert len([one for one in asked if one.startswith("SELECT")]) <= 15
