"""Departments, branches and the outbox in the browser."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, insert

from serving.intake import now
from serving.outbox import departments
from serving.store import keys, outbox
from serving.store.rows.outbox import DepartmentRow, OutboxRow
from tests.store.kit import entry
from tests.web import kit

LIST = "/ui/admin/departments"
LETTERS = "/ui/admin/deliveries"
CODE = "intake"
URL = "https://orders.bank.example/suda"


@pytest.fixture
def admin(web: TestClient) -> kit.Browser:
    kit.reset(web)
    with kit.application(web).state.sessions.begin() as session:
        session.execute(delete(OutboxRow))
        session.execute(delete(DepartmentRow))
    return kit.signed_in(web, "admin")


def shown(web: TestClient) -> dict[str, Any]:
    app = kit.application(web)
    policy = app.state.suda.intake.pipeline.policies.at(now())
    with app.state.sessions() as session:
        return departments.shown(session, policy, CODE, now())


def save(admin: kit.Browser, **form: str) -> Any:
    return admin.post(f"{LIST}/{CODE}", **{"concurrency": "4", "enabled": "true", **form})


def secret_in(text: str) -> str:
    found = re.search(r'id="secret">([^<]+)<', text)
    assert found is not None
    return found[1]


def letters(web: TestClient, *states: str) -> list[str]:
    """Messages to the department in these states, each about a complaint of its own."""
    app = kit.application(web)
    made = []
    for number, state in enumerate(states):
        complaint = entry(f"第{number}件，没人理我 {now().timestamp()}")
        app.state.suda.intake.store.save(complaint)
        row = outbox.message(
            complaint.complaint_id, complaint.complaint_id, CODE, "order", "lead", now()
        )
        done = {"done_at": now()} if state != "pending" else {"done_at": None}
        row |= {"state": state, "attempts": 30, "error": "connection refused", **done}
        row["next_at"] = now() + timedelta(hours=1)
        made.append(row)
    with app.state.sessions.begin() as session:
        session.execute(insert(OutboxRow), made)
    return [str(row["id"]) for row in made]


def state_of(web: TestClient, message_id: str) -> str:
    with kit.application(web).state.sessions() as session:
        return str(session.get(OutboxRow, message_id).state)


def test_a_webhook_is_set_and_its_secret_shown_once(web: TestClient, admin: kit.Browser) -> None:
    first = save(admin, webhook=URL, concurrency="8")
    secret = secret_in(first.text)
    found = shown(web)
    assert (found["webhook"], found["concurrency"], found["has_secret"]) == (URL, 8, True)
    assert CODE in kit.application(web).state.suda.directory.told
    page = admin.get(f"{LIST}/{CODE}").text
    assert secret not in page
    assert URL in page
    again = save(admin, webhook=URL)
    assert again.status_code == 303
    rotated = secret_in(admin.post(f"{LIST}/{CODE}/secret", overlap_days="2").text)
    assert rotated != secret
    assert shown(web)["previous_secret_until"] is not None
    assert save(admin, webhook="").status_code == 303
    assert shown(web)["webhook"] is None
    assert {a for _, a, _ in kit.recorded(web, "department.changed")} == {"department.changed"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"webhook": "ftp://x"}, "地址应以"),
        ({"webhook": "https://user@x/"}, "地址应以"),
        ({"webhook": "http://169.254.169.254/"}, "地址应以"),
        ({"webhook": URL, "concurrency": "0"}, "应为 1 至 64"),
        ({"webhook": URL, "concurrency": "many"}, "应为 1 至 64"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    web: TestClient, admin: kit.Browser, form: dict[str, str], said: str
) -> None:
    answer = save(admin, **form)
    assert answer.status_code == 422
    assert said in answer.text
    assert form["webhook"] in answer.text, "what was typed stays"
    assert shown(web)["webhook"] is None


def test_the_switch(web: TestClient, admin: kit.Browser) -> None:
    save(admin, webhook=URL)
    admin.post(f"{LIST}/{CODE}/switch", on="false")
    assert not shown(web)["enabled"]
    assert "已暂停" in admin.get(LIST).text
    admin.post(f"{LIST}/{CODE}/switch", on="true")
    assert shown(web)["enabled"]


def test_the_list_counts_what_waits(web: TestClient, admin: kit.Browser) -> None:
    letters(web, "pending", "dead", "dead", "delivered")
    text = admin.get(LIST).text
    assert f'{LETTERS}?department={CODE}">2</a>' in text
    assert "前</time>" in text
    assert "有 2 件工单投递失败" in admin.get(f"{LIST}/{CODE}").text
    assert admin.get(f"{LIST}/nobody").status_code == 404


def test_dead_letters_are_sent_once_more(web: TestClient, admin: kit.Browser) -> None:
    dead, other, waiting = letters(web, "dead", "dead", "pending")
    text = admin.get(LETTERS).text
    assert text.count("connection refused") == 2
    assert admin.get(f"{LETTERS}?state=").text.count("connection refused") == 3
    assert "没有投递失败的工单" in admin.get(f"{LETTERS}?department=other").text
    assert admin.post(f"{LETTERS}/{dead}/replay").status_code == 303
    assert (state_of(web, dead), state_of(web, other)) == ("pending", "dead")
    assert admin.post(f"{LETTERS}/{waiting}/replay").status_code == 409
    assert admin.post(f"{LETTERS}/none/replay").status_code == 404
    letters(web, "dead")
    assert admin.post(f"{LETTERS}/replay").status_code == 303
    assert state_of(web, other) == "pending"
    assert len(kit.recorded(web, "outbox.replayed")) == 2
    assert "没有投递失败的工单" in admin.get(LETTERS).text


def test_older_messages_are_on_the_next_page(web: TestClient, admin: kit.Browser) -> None:
    ids = letters(web, *["dead"] * 51)
    first = admin.get(LETTERS).text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = admin.get(LETTERS + following[1].replace("&amp;", "&")).text
    assert f"{LETTERS}/{min(ids)}/replay" in second
    assert f"{LETTERS}/{min(ids)}/replay" not in first
    assert "回到最新" in second


def test_branches_are_those_that_complaints_name(web: TestClient, admin: kit.Browser) -> None:
    with kit.application(web).state.sessions.begin() as session:
        token = keys.create(session, keys.Wish("t", frozenset({"intake"})), "tests", now()).token
    body = {"text": "没人理我", "branch": "城东支行"}
    sent = web.post("/v1/classify", json=body, headers={"Authorization": f"Bearer {token}"})
    assert sent.status_code == 200, sent.text
    # What boards show may be a second old.
    time.sleep(1.1)
    text = admin.get("/ui/admin/departments/seen/branches").text
    assert "城东支行" in text


def test_an_auditor_sees_no_buttons(web: TestClient, admin: kit.Browser) -> None:
    save(admin, webhook=URL)
    letters(web, "dead")
    auditor = kit.signed_in(web, "auditor")
    for path in (LIST, f"{LIST}/{CODE}", LETTERS, "/ui/admin/departments/seen/branches"):
        answer = auditor.get(path)
        assert answer.status_code == 200
        main = answer.text.partition("<main")[2].partition("</main>")[0]
        assert '/replay"' not in main
        assert "data-confirm" not in main.replace('data-confirm="保存', "")
        assert "button--primary" not in main
