"""Events over HTTP, and work orders from the call that makes them to the department's answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.cli import main as cli
from serving.outbox.signing import verify
from serving.settings import Settings
from tests.outbox.receiver import Receiver, ok, receiving, status
from tests.serving.conftest import Post, entered, key_for

CODE = "intake"
_numbers = iter(range(10_000))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"outbox_poll_seconds": 0.02, "sweep_seconds": 0.05, "webhook_attempts": 1}
    )


@pytest.fixture
def complaint(post: Post) -> str:
    return str(post("柜员态度恶劣").json()["complaint_id"])


Tell = Callable[..., Any]


@pytest.fixture
def tell(client: TestClient, complaint: str) -> Tell:
    """POST an event about the complaint."""

    def send(kind: str, *, about: str | None = None, **said: Any) -> Any:
        body = {"event_id": f"e{next(_numbers)}", "kind": kind, "who": "staff-7", **said}
        return client.post(f"/v1/complaints/{about or complaint}/events", json=body)

    return send


def timeline(client: TestClient, complaint: str) -> Any:
    return client.get(f"/v1/complaints/{complaint}/events").json()


def until(found: Callable[[], Any]) -> Any:
    """Wait until there is something."""
    # Long: figures are counted at the lowest priority, and a machine may be busy with other things.
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come")


def test_a_department_says_how_it_went(client: TestClient, complaint: str, tell: Tell) -> None:
    answer = tell("contacted", department=CODE, note="客户要求书面答复")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["event"]["name"], body["case"]["status"]) == ("首次联系", "accepted")
    assert (body["replayed"], body["then"]) == (False, None)
    assert tell("resolved", result="apologised", root_cause="training").status_code == 201
    assert tell("opinion", satisfaction="satisfied").status_code == 201
    shown = timeline(client, complaint)
    assert shown["case"]["satisfaction"] == "satisfied"
    assert [e["kind"] for e in shown["events"]] == ["contacted", "resolved", "opinion"]
    assert shown["events"][0]["note"] == "客户要求书面答复"
    assert shown["events"][1]["root_cause"] == "training"
    (clock,) = shown["clocks"]
    assert (clock["clock"], clock["name"], clock["state"]) == ("first_contact", "首次联系", "met")
    assert clock["basis"]
    assert clock["met_at"] == shown["events"][0]["at"]


def test_sent_twice_it_counts_once_and_an_id_stands_for_one_thing(
    client: TestClient, complaint: str, tell: Tell
) -> None:
    said = {"event_id": "crm-1", "result": "apologised"}
    first, again = tell("resolved", **said), tell("resolved", **said)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["replayed"] is True
    assert again.json()["event"] == first.json()["event"]
    other = tell("resolved", event_id="crm-1", result="refunded")
    assert other.status_code == 409
    assert other.json()["errors"][0]["field"] == "event_id"
    assert len(timeline(client, complaint)["events"]) == 1


WRONG: list[tuple[str, dict[str, Any], int, str]] = [
    ("resolved", {}, 422, "result"),
    ("accepted", {"result": "x"}, 422, "result"),
    ("breached", {}, 422, "kind"),
    ("flown", {}, 422, "kind"),
    ("accepted", {"department": "nobody"}, 422, "department"),
    ("accepted", {"at": "2999-01-01T00:00:00Z"}, 422, "at"),
    ("accepted", {"at": "2001-01-01T00:00:00Z"}, 422, "at"),
    ("accepted", {"who": ""}, 422, "who"),
    ("accepted", {"note": "x" * 4001}, 422, "note"),
    ("accepted", {"more": 1}, 422, "more"),
    ("bounced", {"reason": "x", "labels": {"mood": "ugly"}}, 422, "labels.mood"),
    ("resumed", {}, 409, "kind"),
    ("accepted", {"about": "0" * 26}, 404, "complaint_id"),
]


def test_what_cannot_be_is_a_problem_that_names_the_field(
    client: TestClient, complaint: str, tell: Tell
) -> None:
    for kind, said, status_code, field in WRONG:
        answer = tell(kind, **said)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status_code, field)
    assert timeline(client, complaint)["events"] == []


def test_bounces_go_back_to_review_escalate_and_warn(
    client: TestClient, complaint: str, tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"reason": "not_ours", "labels": {"mood": "good"}}
    seen = [tell("bounced", **said).json()["then"] for _ in range(3)]
    assert seen == ["review", "escalation", "supervision"]
    case = timeline(client, complaint)["case"]
    assert (case["review"], case["bounces"]) == ("waiting", 3)
    records = client.get("/v1/feedback").json()["records"]
    assert {(r["code"], r["role"], r["via"]) for r in records} == {("good", "department", "event")}
    assert "was bounced 3 times" in caplog.text
    figures = client.get("/metrics").text
    assert 'suda_bounces_total{then="supervision"} 1.0' in figures


def test_scopes(app: FastAPI, client: TestClient, complaint: str) -> None:
    path = f"/v1/complaints/{complaint}/events"
    body = {"event_id": "s1", "kind": "accepted", "who": "x"}
    for scope, post_status, get_status in (
        ("intake", 201, 200),
        ("review", 200, 200),
        ("audit", 403, 200),
        ("admin", 403, 403),
    ):
        headers = {"Authorization": f"Bearer {key_for(app, scope)}"}  # type: ignore[arg-type]
        assert client.post(path, json=body, headers=headers).status_code == post_status, scope
        assert client.get(path, headers=headers).status_code == get_status, scope
        outbox = client.get("/v1/outbox", headers=headers).status_code
        assert outbox == (200 if scope == "admin" else 403)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(ok, status(500), ok) as receiver:
        yield receiver


def test_from_the_call_to_the_department_and_back(
    client: TestClient, post: Post, receiver: Receiver
) -> None:
    path = f"/v1/departments/{CODE}"
    assert client.get(path).json()["webhook"] is None
    post("没有人被告知")
    made = client.put(path, json={"webhook": receiver.url}).json()
    assert made["has_secret"]
    assert "secret" not in client.get(path).json()
    complaint = post("柜员态度恶劣").json()["complaint_id"]
    until(lambda: receiver.requests)
    (request,) = receiver.requests
    assert request.document["complaint"]["text"] == "柜员态度恶劣"
    assert request.document["part"] == "lead"
    signature = request.headers["suda-signature"]
    assert verify(made["secret"], signature, request.body, time.time())
    until(lambda: client.get("/v1/outbox?state=delivered").json()["items"])
    shown = timeline(client, complaint)
    assert [e["kind"] for e in shown["events"]] == ["delivered"]
    # The second one fails, is given up, and is sent again.
    second = post("排队太久").json()["complaint_id"]
    (dead,) = until(lambda: client.get("/v1/outbox?state=dead").json()["items"])
    assert (dead["complaint_id"], dead["error"]) == (second, "HTTP 500")
    until(lambda: "suda_dead_letters 1.0" in client.get("/metrics").text)
    assert client.post(f"/v1/outbox/{dead['id']}/replay").json()["state"] == "pending"
    until(lambda: len(client.get("/v1/outbox?state=delivered").json()["items"]) == 2)
    assert client.post(f"/v1/outbox/{dead['id']}/replay").status_code == 409
    assert client.post("/v1/outbox/nothing/replay").status_code == 404
    answer = client.post("/v1/outbox/replay", json={"department": CODE})
    assert answer.json() == {"replayed": 0}
    figures = client.get("/metrics").text
    assert 'suda_outbox_deliveries_total{result="delivered"} 2.0' in figures
    assert 'suda_threads_healthy{crew="outbox"} 1.0' in figures


def test_a_department_is_switched_off_and_on(
    client: TestClient, post: Post, receiver: Receiver
) -> None:
    path = f"/v1/departments/{CODE}"
    client.put(path, json={"webhook": receiver.url, "enabled": False})
    post("柜员态度恶劣")
    shown = client.get(path).json()
    assert (shown["pending"], shown["enabled"], receiver.requests) == (1, False, [])
    until(lambda: "suda_outbox_pending 1.0" in client.get("/metrics").text)
    client.put(path, json={"enabled": True})
    until(lambda: receiver.requests)


def test_a_department_that_cannot_be_told_so(client: TestClient) -> None:
    for body in (
        {"webhook": "ftp://x/"},
        {"webhook": "http://169.254.169.254/"},
        {"secret": "short", "webhook": "http://x/"},
        {"secret": "s" * 30, "new_secret": True},
        {"concurrency": 0},
    ):
        answer = client.put(f"/v1/departments/{CODE}", json=body)
        assert answer.status_code == 422, body
        assert "s" * 30 not in answer.text
    assert client.get(f"/v1/departments/{CODE}").json()["updated_at"] is None
    assert client.put("/v1/departments/nobody", json={}).status_code == 404


def test_pages_of_the_outbox(client: TestClient, post: Post) -> None:
    client.put(f"/v1/departments/{CODE}", json={"webhook": "http://x/", "enabled": False})
    for n in range(5):
        post("排队太久" + "了" * n)
    first = client.get("/v1/outbox?limit=3").json()
    rest = client.get(f"/v1/outbox?limit=3&before={first['next']}").json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (3, 2, None)
    one = rest["items"][-1]["complaint_id"]
    found = client.get(f"/v1/outbox?complaint_id={one}").json()["items"]
    assert [item["complaint_id"] for item in found] == [one]


def test_a_clock_that_runs_out_is_seen(app: FastAPI, client: TestClient, post: Post) -> None:
    old = post("柜员态度恶劣", received_at="2026-01-05T09:00:00+08:00").json()["complaint_id"]
    until(lambda: timeline(client, old)["clocks"][0]["state"] == "breached")
    assert [e["kind"] for e in timeline(client, old)["events"]] == ["breached"]
    until(
        lambda: 'suda_overdue_complaints{clock="first_contact"} 1.0' in client.get("/metrics").text
    )
    assert 'suda_clock_breaches_total{clock="first_contact"} 1.0' in client.get("/metrics").text


def test_delivery_left_to_a_process_of_its_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apart = settings.model_copy(update={"outbox": "off"})
    with receiving(status(500), ok) as receiver:
        with entered(create_app(apart)) as client:
            client.put(f"/v1/departments/{CODE}", json={"webhook": receiver.url})
            client.post("/v1/classify", json={"text": "柜员态度恶劣"})
            time.sleep(0.2)
            assert receiver.requests == []
        monkeypatch.setenv("SUDA_DATABASE_URL", settings.database_url)
        monkeypatch.setenv("SUDA_BUNDLE", str(settings.bundle))
        monkeypatch.setenv("SUDA_WEBHOOK_ATTEMPTS", "1")
        said = _suda(monkeypatch, capsys, "outbox", "deliver", "--once")
        assert "1 dead" in said
        assert "HTTP 500" in _suda(monkeypatch, capsys, "outbox", "dead")
        _suda(monkeypatch, capsys, "outbox", "switch", CODE, "--off")
        assert "1 will be sent again" in _suda(
            monkeypatch, capsys, "outbox", "replay", "--department", CODE
        )
        assert "nothing was due" in _suda(monkeypatch, capsys, "outbox", "deliver", "--once")
        _suda(monkeypatch, capsys, "outbox", "switch", CODE, "--on")
        assert "1 delivered" in _suda(monkeypatch, capsys, "outbox", "deliver", "--once")
    assert "delivered" in _suda(monkeypatch, capsys, "outbox", "list", "--state", "delivered")
    secret = _suda(monkeypatch, capsys, "outbox", "department", CODE, "--new-secret")
    assert "whsec_" in secret
    assert "whsec_" not in _suda(monkeypatch, capsys, "outbox", "department", CODE)


def _suda(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command; what it printed."""
    monkeypatch.setattr("sys.argv", ["suda", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert ended.value.code in (None, 0), printed.err
    return printed.out + printed.err
