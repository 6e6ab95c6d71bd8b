"""The review's pages, asked without a browser."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from data.records import Complaint
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow
from serving.store.rows.web import UserRow
from tests.web.kit import Browser, application, opened, recorded, settings, signed_in

_numbers = itertools.count()
_ID = re.compile(r"01[0-9A-HJKMNP-TV-Z]{24}")


def waiting(web: TestClient, text: str = "态度恶劣", *reasons: str) -> str:
    """A complaint that waits for a review."""
    state = application(web).state.suda
    number = next(_numbers)
    complaint = Complaint(text, datetime.now(UTC), external_id=f"Q-{number}")
    body = state.intake.take(complaint, f"q{number}", None).body.decode()
    found = _ID.search(body)
    assert found is not None
    with state.intake.store.session.begin() as session:
        session.execute(
            update(ItemRow).where(ItemRow.complaint_id == found[0]).values(state="closed")
        )
        session.execute(
            update(CaseRow)
            .where(CaseRow.complaint_id == found[0])
            .values(review="waiting", reasons=list(reasons or ("low_confidence:mood",)))
        )
    return found[0]


@pytest.fixture(scope="module")
def web(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application, without second opinions by chance."""
    plain = {"review_double_share": 0.0, "review_double_audit_share": 0.0}
    given = settings(mood_bundle, tmp_path_factory.mktemp("queue"), **plain)
    with opened(given) as client:
        yield client


@pytest.fixture(autouse=True)
def emptied(web: TestClient) -> None:
    """Each test begins with an empty queue."""
    with application(web).state.suda.intake.store.session.begin() as session:
        session.execute(update(ItemRow).values(state="closed"))
        session.execute(update(CaseRow).values(review="none"))


def ask(browser: Browser, path: str, body: dict[str, Any] | None = None) -> Any:
    headers = {"Accept": "application/json", "X-CSRF-Token": browser.csrf}
    return browser.client.post(f"/ui/queue{path}", json=body or {}, headers=headers)


def begun(browser: Browser) -> str:
    url = ask(browser, "/next").json()["url"]
    assert url is not None
    return str(url)


def version(html: str) -> int:
    found = re.search(r'data-version="(\d+)"', html)
    assert found is not None
    return int(found[1])


def test_a_reviewer_works_an_item_from_the_list_to_the_next(web: TestClient) -> None:
    complaint_id = waiting(web, "态度恶劣，电话13800138000")
    anna = signed_in(web, "reviewer")
    assert "队列已清空" in anna.get("/ui/queue").text
    url = begun(anna)
    listed = anna.get("/ui/queue").text
    assert "把握不足" in listed
    html = anna.get(url).text
    assert "138001" not in html
    assert 'data-mine="yes"' in html
    assert "不在" not in html
    done = ask(
        anna,
        url.removeprefix("/ui/queue") + "/submit",
        {"labels": {"mood": "good"}, "version": version(html), "comment": "看过"},
    )
    assert done.json() == {"url": None, "changed": ["mood"], "decided": True}
    assert ("user:" + login(anna), "labels.recorded", f"complaint:{complaint_id}") in recorded(
        web, "labels.recorded"
    )
    again = ask(anna, "/undo").json()["url"]
    assert again == url
    html = anna.get(url).text
    ask(anna, url.removeprefix("/ui/queue") + "/release")
    assert "已放回队列" in anna.get(url).text


def login(browser: Browser) -> str:
    found = re.search(r"(reviewer|lead)\d+", browser.get("/ui/account").text)
    assert found is not None
    return found[0]


def test_what_is_refused_says_what_happened_as_json(web: TestClient) -> None:
    waiting(web)
    anna, ben = signed_in(web, "reviewer"), signed_in(web, "reviewer")
    path = begun(anna).removeprefix("/ui/queue")
    assert ask(ben, "/next").json() == {"url": None}
    body = {"labels": {"mood": "bad"}, "version": 99}
    taken = ask(ben, f"{path}/submit", body)
    assert taken.status_code == 409
    assert taken.json()["code"] == "lease_lost"
    assert "复核" in taken.json()["detail"]
    stale = ask(anna, f"{path}/submit", body)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_item")
    html = anna.get(f"/ui/queue{path}").text
    bad = ask(anna, f"{path}/submit", {"labels": {}, "version": version(html)})
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["field"] == "labels.mood"
    assert ask(anna, "/undo").json()["code"] == "cannot_undo"
    assert ask(ben, f"{path}/heartbeat").status_code == 409
    assert ask(anna, f"{path}/heartbeat").status_code == 200


def test_nothing_of_a_blind_item_tells_what_the_model_said(web: TestClient) -> None:
    """Two samples that the model takes for opposites give the same page, their words apart."""
    pages = []
    for text in ("态度真好", "态度恶劣"):
        waiting(web, text, "audit_sample")
        anna = signed_in(web, "reviewer")
        url = begun(anna)
        html = anna.get(url).text
        assert "盲审" in html
        assert (
            ask(anna, url.removeprefix("/ui/queue") + "/preview", {"labels": {}}).status_code == 403
        )
        listed = anna.get("/ui/queue").text
        pages.append(neutral(html, text, login(anna)) + neutral(listed, text, login(anna)))
        html_version = version(html)
        ask(
            anna,
            url.removeprefix("/ui/queue") + "/submit",
            {"labels": {"mood": "good"}, "version": html_version},
        )
    assert pages[0] == pages[1]
    assert "bar__text" not in pages[0]
    assert 'data-chosen=""' in pages[0]


def neutral(html: str, text: str, who: str) -> str:
    html = _ID.sub("ID", html.replace(text, "TEXT")).replace(who, "WHO")
    html = re.sub(r"Q-\d+|reviewer\d+", "N", html)
    html = re.sub(r'X-CSRF-Token": "[^"]*|csrf_token" value="[^"]*', "TOKEN", html)
    html = re.sub(r'datetime="[^"]*"|title="20[^"]*"', "", html)
    return re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d|\d+ (分钟|秒)[前]?", "T", html)


def test_an_auditor_reads_and_changes_nothing(web: TestClient) -> None:
    waiting(web)
    auditor = signed_in(web, "auditor")
    assert auditor.get("/ui/queue").status_code == 200
    assert ask(auditor, "/next").status_code == 403


def test_personal_data_are_shown_on_demand_and_that_is_recorded(web: TestClient) -> None:
    complaint_id = waiting(web, "态度恶劣，电话13800138000")
    anna = signed_in(web, "reviewer")
    path = begun(anna).removeprefix("/ui/queue")
    shown = ask(anna, f"{path}/reveal")
    assert "13800138000" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert (f"user:{login(anna)}", "complaint.revealed", f"complaint:{complaint_id}") in recorded(
        web, "complaint.revealed"
    )


def test_skipping_and_views_and_labels(web: TestClient) -> None:
    waiting(web)
    anna, lead = signed_in(web, "reviewer"), signed_in(web, "lead")
    url = begun(anna)
    html = anna.get(url).text
    skipped = ask(
        anna,
        url.removeprefix("/ui/queue") + "/skip",
        {"reason": "recusal", "version": version(html)},
    )
    assert skipped.json() == {"url": None}
    assert anna.post("/ui/queue/views", name="我的", wanted="kind=first").status_code == 303
    assert anna.post("/ui/queue/views", name="我的", wanted="kind=first").status_code == 409
    assert (
        anna.post("/ui/queue/views", name="全", wanted="kind=first", shared="1").status_code == 403
    )
    assert (
        lead.post("/ui/queue/views", name="大家的", wanted="kind=audit", shared="1").status_code
        == 303
    )
    seen = anna.get("/ui/queue").text
    assert "我的" in seen
    assert "大家的" in seen
    found = anna.get("/ui/queue/labels.json?v=old")
    assert found.headers["cache-control"] == "no-store"
    kept = anna.get(f"/ui/queue/labels.json?v={found.json()['stamp'].replace('+', '%2B')}")
    assert "immutable" in kept.headers["cache-control"]
    assert [leaf["code"] for leaf in kept.json()["heads"]["mood"]["leaves"]] == ["good", "bad"]


def test_a_suggestion_of_an_older_model_is_asked_for_anew_and_marked(web: TestClient) -> None:
    complaint_id = waiting(web)
    sessions = application(web).state.suda.intake.store.session
    with sessions.begin() as session:
        from serving.store.tables import DecisionRow

        row = session.query(DecisionRow).filter_by(complaint_id=complaint_id).one()
        model = application(web).state.suda.intake.pipeline.classifier.version
        row.body = row.body.replace(model.encode(), b"older-model")
    anna = signed_in(web, "reviewer")
    html = anna.get(begun(anna)).text
    assert "旧模型建议" in html
    assert "older-model" in html


def test_many_are_decided_at_once_and_taken_back(web: TestClient) -> None:
    for _ in range(4):
        waiting(web, "排队太久，没人理我，系统崩了")
    lead = signed_in(web, "lead")
    ask(lead, "/next")
    item = ask(lead, "/next").json()["url"]
    ask(lead, item.removeprefix("/ui/queue") + "/release")
    overview = lead.load("/ui/bulk")
    found = re.search(r"/ui/bulk\?like=\w+", overview)
    assert found is not None
    html = lead.load(found[0])
    assert "选出 4 条" in html
    form = {
        name: re.search(rf'name="{name}" value="([^"]*)"', html)[1]  # type: ignore[index]
        for name in ("wanted", "stamp")
    }
    done = lead.post("/ui/bulk", **form, **{"label.mood": "bad"})
    assert done.status_code == 303
    assert lead.post("/ui/bulk", **form, **{"label.mood": "bad"}).status_code == 409
    listed = lead.load("/ui/bulk")
    undo = re.search(r"/ui/bulk/\w+/undo", listed)
    assert undo is not None
    assert lead.post(undo[0]).status_code == 303
    assert "已撤销" in lead.get("/ui/bulk").text
    assert lead.get("/ui/queue/quality").status_code == 200


def test_the_queue_is_not_for_whom_a_branch_narrows(web: TestClient) -> None:
    browser = signed_in(web, "lead")
    assert browser.get("/ui/queue").status_code == 200
    with application(web).state.sessions.begin() as session:
        session.execute(update(UserRow).values(branch="城东支行"))
    try:
        for path in ("/ui/queue", "/ui/queue/quality", "/ui/bulk", "/ui/queue/items/X"):
            said = browser.get(path)
            assert said.status_code == 403, path
            assert "限定了机构或部门" in said.text
        home = browser.get("/ui/cases")
        assert home.status_code == 200
        assert 'href="/ui/queue"' not in home.text
    finally:
        with application(web).state.sessions.begin() as session:
            session.execute(update(UserRow).values(branch=None))


def test_the_list_of_complaints_does_not_tell_either(web: TestClient) -> None:
    waiting(web, "态度真好", "audit_sample")
    lead, reviewer = signed_in(web, "lead"), signed_in(web, "reviewer")
    begun(reviewer)
    # The list is up to date within a second or two.
    for _ in range(60):
        if "盲审中" in reviewer.get("/ui/cases").text:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the complaint is not listed, or not hidden")
    assert "盲审中" not in lead.get("/ui/cases").text
