"""The Python client against docs/openapi.json, and what it does when things go wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from suda_client import calls, calls_cases, calls_jobs, requests
from suda_client.calls import Call
from suda_client.client import Suda
from suda_client.errors import (
    NotReadyError,
    OverloadedError,
    RefusedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from suda_client.models import Decision
from suda_client.retry import Retry

from serving.api.events import EventRequest
from serving.api.feedback import FeedbackItem
from serving.api.schemas import ClassifyRequest
from serving.jobs.options import JobOptions
from tests.clients.kit import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
FILE = io.BytesIO(b"")
EVENT = requests.EventReport(event_id="1", kind="accepted", who="w")
EVERY: list[Call[Any]] = [
    calls.classify("甲", "k", 100),
    calls.classify_batch(["甲"], "k", 100),
    calls.complaint("1"),
    calls.feedback([requests.Feedback(labels={"a": "b"}, who="w")]),
    calls.feedback_page(datetime.now(UTC), 1, 2),
    calls.taxonomy(),
    calls.ready(),
    calls_cases.tell("1", EVENT),
    calls_cases.timeline("1"),
    calls_jobs.submit(FILE, "a.csv", requests.JobOptions(), "k"),
    calls_jobs.show("1"),
    calls_jobs.listed("done", "1"),
    calls_jobs.turn("1", "pause"),
    calls_jobs.turn("1", "cancel"),
    calls_jobs.turn("1", "resume"),
    calls_jobs.remove("1"),
    calls_jobs.result("1", "csv", masked=True),
]


@pytest.mark.parametrize("call", EVERY, ids=lambda call: f"{call.method} {call.operation}")
def test_each_call_is_of_the_description(call: Call[Any]) -> None:
    operation = DOCUMENT["paths"][call.operation][call.method.lower()]
    known = {(p["in"], p["name"].lower()): p for p in operation.get("parameters", ())}
    assert {name for where, name in known if where == "path"} == set(call.path)
    for name in call.params:
        assert ("query", name.lower()) in known, name
    for name in call.headers:
        assert ("header", name.lower()) in known, name
    required = {
        name for (where, name), p in known.items() if where == "query" and p.get("required")
    }
    assert required <= set(call.params)
    sends = call.body is not None or call.files is not None
    assert sends == ("requestBody" in operation)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (requests.Complaint, ClassifyRequest),
        (requests.Feedback, FeedbackItem),
        (requests.EventReport, EventRequest),
        (requests.JobOptions, JobOptions),
    ],
)
def test_what_is_sent_is_what_is_taken(ours: type[BaseModel], theirs: type[BaseModel]) -> None:
    """The same fields, and the same ones without which it will not do."""
    assert ours.model_fields.keys() == theirs.model_fields.keys()
    needed = {name for name, field in theirs.model_fields.items() if field.is_required()}
    assert {name for name, field in ours.model_fields.items() if field.is_required()} == needed


ANSWER: dict[str, Any] = {
    "complaint_id": "1",
    "external_id": None,
    "received_at": "2026-11-22T09:30:00+08:00",
    "labels": {},
    "flags": [],
    "routing": {
        "lead": None,
        "assisting": [],
        "investigator": None,
        "copies": [],
        "branch": None,
        "rule": None,
        "alternatives": [],
    },
    "deadlines": [],
    "review": {"needed": False, "reasons": [], "priority": 0.0},
    "truncated": False,
    "versions": {},
}
OK = httpx.Response(200, json=ANSWER)


class Script:
    """Answers one after the other; keeps what was asked and how long was waited."""

    def __init__(self, *steps: httpx.Response | Exception) -> None:
        self._steps: Iterator[httpx.Response | Exception] = iter(steps)
        self.asked: list[httpx.Request] = []
        self.waited: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return step

    def client(self, **retry: Any) -> Suda:
        http = httpx.Client(transport=httpx.MockTransport(self), base_url="http://suda")
        draw: Callable[[], float] = retry.pop("draw", lambda: 1.0)
        return Suda("http://suda", "k", retry=Retry(draw=draw, **retry), http=http, sleep=self.wait)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


def busy(status: int = 429, retry_after: int | None = None) -> httpx.Response:
    problem = {"status": status, "code": "overloaded", "detail": "later", "title": "", "type": "t"}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return httpx.Response(status, json=problem, headers=headers)


def test_what_is_tried_again_has_one_key() -> None:
    script = Script(httpx.ConnectError("no"), busy(503), httpx.Response(502, text="<html>"), OK)
    assert script.client().classify("甲").complaint_id == "1"
    keys = {request.headers["Idempotency-Key"] for request in script.asked}
    assert len(script.asked) == 4
    assert len(keys) == 1


def test_waits_grow_and_obey_the_service() -> None:
    script = Script(busy(), busy(), busy(retry_after=3), OK)
    script.client().classify("甲")
    assert script.waited == [0.2, 0.4, pytest.approx(3.8)]


def test_patience_ends_with_the_last_refusal() -> None:
    script = Script(*[busy(retry_after=20)] * 5)
    with pytest.raises(OverloadedError) as refused:
        script.client().classify("甲")
    assert len(script.asked) == 2
    assert refused.value.retry_after == 20
    assert refused.value.problem.code == "overloaded"


def test_attempts_end_with_the_last_failure() -> None:
    script = Script(*[httpx.ReadTimeout("slow")] * 5)
    with pytest.raises(UnreachableError, match="5 attempts: ReadTimeout"):
        script.client(attempts=5).classify("甲")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_what_a_repeat_cannot_mend_is_not_repeated(status: int) -> None:
    script = Script(busy(status))
    with pytest.raises(RefusedError) as refused:
        script.client().classify("甲")
    assert refused.value.problem.status == status


def test_removing_is_not_tried_twice() -> None:
    script = Script(busy(503))
    with pytest.raises(NotReadyError):
        script.client().remove_job("1")


def test_an_external_id_needs_no_key_and_a_deadline_is_sent() -> None:
    script = Script(OK)
    complaint = requests.Complaint(text="甲", source="app", external_id="7")
    script.client().classify(complaint, deadline_ms=250)
    (request,) = script.asked
    assert "Idempotency-Key" not in request.headers
    assert request.headers["Suda-Deadline-Ms"] == "250"
    assert request.headers["Authorization"] == "Bearer k"
    assert request.extensions["timeout"]["read"] == 10.25
    assert json.loads(request.content) == {"text": "甲", "source": "app", "external_id": "7"}


def test_ids_cannot_lead_elsewhere() -> None:
    script = Script(httpx.Response(200, json={}))
    with pytest.raises(UnexpectedAnswerError):
        script.client().complaint("../keys?x=1")
    assert script.asked[0].url.raw_path == b"/v1/complaints/..%2Fkeys%3Fx%3D1"


def test_fields_of_a_newer_service_break_nothing() -> None:
    newer = {**ANSWER, "mood": "tired", "review": {**ANSWER["review"], "by": "team-1"}}
    decision = Script(httpx.Response(200, json=newer)).client().classify("甲")
    assert isinstance(decision, Decision)
    assert decision.model_extra == {"mood": "tired"}
    assert decision.review.model_extra == {"by": "team-1"}


@pytest.mark.parametrize("body", [b"<html>login</html>", b"[]", b"{}"])
def test_an_answer_that_is_not_the_service_s_is_said_to_be(body: bytes) -> None:
    script = Script(httpx.Response(200, content=body))
    with pytest.raises(UnexpectedAnswerError, match="/v1/classify"):
        script.client().classify("甲")
