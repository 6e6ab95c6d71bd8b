"""A key that speaks for one department: its own complaints' events, and nothing else."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.store import keys, privacy
from tests.serving.conftest import Post
from tests.triage.build import policy

TEXT = "你们信用卡中心乱收年费，第{}次打电话了，要求退还并书面答复"
_numbers = itertools.count()


class Department:
    """Calls with a key of its own."""

    def __init__(self, client: TestClient, code: str) -> None:
        made = client.post("/v1/keys", json={"name": f"{code} CRM", "department": code})
        assert made.status_code == 201, made.text
        self.key_id = made.json()["id"]
        self.code = code
        self.token = made.json()["key"]
        self._client = client

    def ask(self, method: str, path: str, **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._client.request(method, path, headers=headers, **given)

    def tell(self, complaint: str, kind: str = "accepted", **said: Any) -> Any:
        body = {"event_id": f"d{next(_numbers)}", "kind": kind, "who": "staff-7", **said}
        return self.ask("POST", f"/v1/complaints/{complaint}/events", json=body)


@pytest.fixture
def complaint(shipped: TestClient) -> dict[str, Any]:
    """One about a credit card, as it was decided."""
    answer = shipped.post("/v1/classify", json={"text": TEXT.format(next(_numbers))})
    found: dict[str, Any] = answer.json()
    assert found["routing"]["lead"]["code"] == "credit_card_center"
    return found


@pytest.fixture
def ours(shipped: TestClient, complaint: dict[str, Any]) -> Department:
    return Department(shipped, complaint["routing"]["lead"]["code"])


@pytest.fixture
def theirs(shipped: TestClient, complaint: dict[str, Any]) -> Department:
    """A department that has nothing to do with the complaint."""
    routing = complaint["routing"]
    parties = [routing["lead"], *routing["assisting"], *routing["copies"]]
    named = {party["code"] for party in parties}
    return Department(shipped, next(c for c in policy().router.departments if c not in named))


def test_a_department_says_how_it_went_and_reads_how_it_stands(
    shipped: TestClient, complaint: dict[str, Any], ours: Department
) -> None:
    number = complaint["complaint_id"]
    said = ours.tell(number, event_id="crm-1")
    assert said.status_code == 201
    event = said.json()["event"]
    # Not said, and known: by whose key it came.
    assert (event["department"], event["source"]) == (ours.code, ours.code)
    assert ours.tell(number, event_id="crm-1").status_code == 200
    assert ours.tell(number, "resolved", result="apologised", source=ours.code).status_code == 201
    shown = ours.ask("GET", f"/v1/complaints/{number}/events").json()
    assert shown["case"]["status"] == "resolved"
    (record,) = shipped.get(
        "/v1/audit", params={"subject": f"complaint:{number}", "action": "case.resolved"}
    ).json()["items"]
    assert record["actor"] == f"key:{ours.key_id}"


def test_of_other_departments_complaints_it_says_and_reads_nothing(
    shipped: TestClient, complaint: dict[str, Any], theirs: Department
) -> None:
    number = complaint["complaint_id"]
    path = f"/v1/complaints/{number}/events"
    before = shipped.get(path).json()
    for refused in (theirs.tell(number), theirs.ask("GET", path)):
        assert refused.status_code == 403
        assert refused.json()["errors"][0]["field"] == "complaint_id"
    assert shipped.get(path).json() == before
    for refused in (theirs.tell("0" * 26), theirs.ask("GET", f"/v1/complaints/{'0' * 26}/events")):
        assert refused.status_code == 404


def test_what_was_erased_is_still_with_who_handled_it(
    app: FastAPI, client: TestClient, post: Post
) -> None:
    number = post("态度恶劣", source="app", external_id="7").json()["complaint_id"]
    mine = Department(client, "intake")
    with app.state.sessions.begin() as session:
        held = privacy.Held((number,), ())
        privacy.erase(session, held, "customer.erased", "asked for", "tests", datetime.now(UTC))
    assert mine.tell(number).status_code == 201
    assert mine.ask("GET", f"/v1/complaints/{number}/events").status_code == 200


@pytest.mark.parametrize("field", ["department", "source"])
def test_it_speaks_for_nobody_else(
    complaint: dict[str, Any], ours: Department, theirs: Department, field: str
) -> None:
    refused = ours.tell(complaint["complaint_id"], **{field: theirs.code})
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["field"] == field


def test_ids_of_others_do_not_stand_in_its_way(
    shipped: TestClient, complaint: dict[str, Any], ours: Department
) -> None:
    path = f"/v1/complaints/{complaint['complaint_id']}/events"
    same = {"event_id": "c-7", "kind": "contacted", "who": "x"}
    assert shipped.post(path, json=same).status_code == 201
    assert ours.tell(complaint["complaint_id"], "planned", event_id="c-7").status_code == 201


def test_everything_else_is_closed_to_it(app: FastAPI, client: TestClient) -> None:
    mine = Department(client, "intake")
    headers = {"Authorization": f"Bearer {mine.token}"}
    # In order, so that it goes the short way.
    refused = mine.ask("POST", "/v1/classify", json={"text": "态度恶劣"})
    assert refused.status_code == 403
    opened = set()
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            url = path.replace("{", "").replace("}", "")
            answer = client.request(method, url, headers=headers, json={})
            if answer.status_code != 403:
                opened.add((method, path))
    assert opened == {
        ("get", "/livez"),
        ("get", "/readyz"),
        ("get", "/v1/taxonomy"),
        ("get", "/v1/complaints/{complaint_id}/events"),
        ("post", "/v1/complaints/{complaint_id}/events"),
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "scopes"),
        ({"department": "intake", "scopes": ["intake"]}, "scopes"),
        ({"department": "nowhere"}, "department"),
        ({"department": ""}, "department"),
        ({"department": 7}, "department"),
    ],
)
def test_a_key_is_for_scopes_or_for_a_department_that_there_is(
    client: TestClient, given: dict[str, Any], field: str
) -> None:
    refused = client.post("/v1/keys", json={"name": "n", **given})
    assert refused.status_code == 422
    assert field in refused.text


def test_its_successor_speaks_for_the_same(app: FastAPI, client: TestClient) -> None:
    first = Department(client, "intake")
    made = client.post(f"/v1/keys/{first.key_id}/rotate", json={}).json()
    found = {key["id"]: key for key in client.get("/v1/keys").json()["items"]}
    assert found[made["id"]]["department"] == "intake"
    assert found[made["id"]]["scopes"] == []
    with app.state.sessions() as session:
        kept = keys.usable(session, datetime.now(UTC))
    assert kept[made["id"]].department == kept[first.key_id].department == "intake"
    (record,) = client.get(
        "/v1/audit", params={"subject": f"key:{first.key_id}", "action": "key.created"}
    ).json()["items"]
    assert '"department":"intake"' in record["details"]
