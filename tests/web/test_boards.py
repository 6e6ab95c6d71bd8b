"""Boards, list and reports as pages: what each role gets, and that the figures are the lists'."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from benchmarks.cases import Plan, fill
from data.taxonomy.load import load
from serving.boards.live import Live
from serving.boards.period import around
from serving.boards.recount import Recounts
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store import users
from tests.serving.conftest import key_for
from tests.web.kit import application, opened, recorded, session_for, signed_in

BOARDS = ("", "/trends", "/hotspots", "/departments", "/deadlines", "/model")
QUARTER = around(datetime.now(UTC).date(), "quarter").before().name


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The shipped bundle's application over made-up cases."""
    directory = tmp_path_factory.mktemp("filled")
    settings = Settings(database_url=f"sqlite:///{directory}/suda.sqlite3")
    pipeline = Pipeline.open(settings)
    with opened(settings) as client:
        now = datetime.now(UTC)
        policy = pipeline.policies.at(now)
        engine = application(client).state.suda.intake.store.engine
        fill(engine, Plan(500, now, days=240, reviewed=0.3, surge=0.6), load(), policy)
        yield client


@pytest.mark.parametrize("path", BOARDS)
def test_boards_answer_and_their_links_hold(filled: TestClient, path: str) -> None:
    browser = signed_in(filled, "reviewer")
    answer = browser.get(f"/ui/boards{path}")
    assert answer.status_code == 200
    links = re.findall(r'href="(/ui/cases\?[^"]+)">([\d,]+)</a>', answer.text)
    assert links or path == "/hotspots"
    for href, shown in links[:6]:
        listed = browser.get(href.replace("&amp;", "&")).text
        found = re.search(r"共 ([\d,]+) 条", listed)
        assert (found[1] if found else "0") == shown, href


def test_empty_boards_answer_too(web: TestClient) -> None:
    browser = signed_in(web, "lead")
    for path in (*BOARDS, "/reviewers"):
        assert browser.get(f"/ui/boards{path}").status_code == 200
    assert browser.get("/ui/cases").status_code == 200
    assert browser.get("/ui/reports").status_code == 200


def test_people_are_for_leads(filled: TestClient) -> None:
    assert signed_in(filled, "reviewer").get("/ui/boards/reviewers").status_code == 403
    assert "sun" in signed_in(filled, "lead").get("/ui/boards/reviewers?days=365").text


def test_a_branchs_people_see_their_own(filled: TestClient) -> None:
    state = application(filled).state
    with state.sessions.begin() as session:
        person = users.Person("branchuser", "小林", "reviewer", branch="城东支行")
        user = users.add(session, person, None, "tests", datetime.now(UTC))
    text = session_for(filled, user.id).get("/ui/cases?branch=江北支行").text
    assert "城东支行" in text
    assert "<td>江北支行</td>" not in text


def test_a_filter_that_is_wrong_is_refused(filled: TestClient) -> None:
    assert signed_in(filled, "reviewer").get("/ui/cases?from=soon").status_code == 422


def test_an_export_is_masked_whole_and_recorded(filled: TestClient) -> None:
    browser = signed_in(filled, "lead", "exporter")
    answer = browser.get("/ui/cases/export?status=resolved")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    listed = browser.get("/ui/cases?status=resolved").text
    assert f"共 {len(rows) - 1} 条" in listed
    assert ("user:exporter", "cases.exported", "cases") in recorded(filled, "cases.exported")
    assert signed_in(filled, "reviewer").get("/ui/cases/export").status_code == 403


@pytest.mark.parametrize(("form", "begins"), [("xlsx", b"PK"), ("csv", b"PK"), ("pdf", b"%PDF")])
def test_reports_as_files(filled: TestClient, form: str, begins: bytes) -> None:
    browser = signed_in(filled, "auditor")
    answer = browser.get(f"/ui/reports/download?format={form}&period={QUARTER}")
    assert answer.content.startswith(begins)
    assert "attachment" in answer.headers["content-disposition"]
    assert recorded(filled, "report.downloaded")


def test_every_table_of_a_report_has_its_page(filled: TestClient) -> None:
    browser = signed_in(filled, "lead")
    text = browser.get(f"/ui/reports?period={QUARTER}").text
    tables = set(re.findall(r"/ui/reports\?table=(\w+)&", text))
    assert len(tables) > 15
    for table in sorted(tables):
        assert browser.get(f"/ui/reports?period={QUARTER}&table={table}").status_code == 200
    assert browser.get("/ui/reports?period=soon").status_code == 422


def test_freezing_by_a_lead_once(filled: TestClient) -> None:
    form = {"period": QUARTER, "counting": "merged", "note": "已报送"}
    assert signed_in(filled, "auditor").post("/ui/reports/freeze", **form).status_code == 403
    browser = signed_in(filled, "lead")
    assert browser.post("/ui/reports/freeze", **form).status_code == 303
    assert browser.post("/ui/reports/freeze", **form).status_code == 409
    assert "已定稿" in browser.get(f"/ui/reports?period={QUARTER}").text
    assert QUARTER in browser.get("/ui/reports/snapshots").text
    running = around(datetime.now(UTC).date(), "year").name
    assert browser.post("/ui/reports/freeze", period=running).status_code == 422


def test_the_same_figures_as_json(filled: TestClient) -> None:
    headers = {"Authorization": f"Bearer {key_for(application(filled), 'audit')}"}
    told = filled.get("/v1/statistics/today", headers=headers).json()
    assert {"n", "filter"} <= set(told["received"])
    assert filled.get("/v1/statistics/trend?along=lead&step=month", headers=headers).json()[
        "series"
    ]
    assert filled.get("/v1/statistics/trend?along=x", headers=headers).status_code == 422
    assert "cells" in filled.get("/v1/statistics/hotspots", headers=headers).json()
    report = filled.get(f"/v1/statistics/report?period={QUARTER}&frozen=false", headers=headers)
    assert report.json()["reconciled"]
    other = {"Authorization": f"Bearer {key_for(application(filled), 'intake')}"}
    assert filled.get("/v1/statistics/today", headers=other).status_code == 403


def test_while_everything_is_read_for_the_first_time_a_page_says_so_and_asks_again(
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = application(web).state
    live = Live(state.sessions, lambda: datetime.now(UTC))
    live.tended = True
    monkeypatch.setattr("serving.boards.live._PATIENCE", 0.0)
    monkeypatch.setattr(state, "live", live)
    monkeypatch.setattr(state, "recounts", Recounts(lambda: datetime.now(UTC)))
    browser = signed_in(web, "lead")
    for path in ("/ui/boards?branch=东", "/ui/cases", "/ui/reports", "/ui/boards/model"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "正在汇总" in answer.text
        assert answer.headers["refresh"] == "2"
        assert answer.headers["cache-control"] == "no-store"
    part = browser.get("/ui/boards?branch=a%26b", **{"HX-Request": "true"})
    assert 'hx-get="/ui/boards?branch=a%26b"' in part.text
    assert "refresh" not in part.headers
    asked = browser.get("/ui/boards", Accept="application/json")
    assert (asked.status_code, asked.json()["code"]) == (503, "gathering")
    assert asked.headers["retry-after"] == "2"
    assert browser.get("/ui/queue").status_code == 200
    live.board()
    assert "正在汇总" not in browser.get("/ui/boards").text
