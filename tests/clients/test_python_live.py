"""The Python client against the running service, sync and async."""

from __future__ import annotations

import asyncio
import inspect
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from suda_client.aio import AsyncSuda
from suda_client.client import Suda
from suda_client.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
)
from suda_client.models import Decision, JobRow, Problem, Recorded
from suda_client.requests import Complaint, EventReport, Feedback, JobOptions
from suda_client.retry import NEVER

from tests.clients.kit import TEXT, Live


def unknown(answer: Any, where: str = "") -> list[str]:
    """Fields of an answer that the client has no name for."""
    if isinstance(answer, BaseModel):
        inner = [f"{where}.{name}" for name in answer.model_extra or ()]
        fields = {name: getattr(answer, name) for name in type(answer).model_fields}
        return inner + [u for name, v in fields.items() for u in unknown(v, f"{where}.{name}")]
    if isinstance(answer, dict):
        return [u for name, v in answer.items() for u in unknown(v, f"{where}.{name}")]
    if isinstance(answer, list):
        return [u for v in answer for u in unknown(v, where)]
    return []


def one() -> Complaint:
    return Complaint(text=TEXT, source="phone", external_id=str(uuid.uuid4()))


def test_a_decision_comes_typed_and_whole(suda: Suda) -> None:
    complaint = one()
    decision = suda.classify(complaint, deadline_ms=60_000)
    assert decision.external_id == complaint.external_id
    assert decision.received_at.tzinfo is not None
    assert decision.labels["urgency"].rules
    assert decision.routing.lead is not None
    assert [flag.code for flag in decision.flags]
    for label in decision.labels.values():
        for evidence in label.evidence:
            assert TEXT[evidence.start : evidence.end] == evidence.text
    assert all(deadline.basis for deadline in decision.deadlines)
    assert not decision.replayed
    assert unknown(decision) == []
    stored = suda.complaint(decision.complaint_id)
    assert stored.complaint.text == TEXT
    assert stored.decision == decision
    assert unknown(stored) == []


def test_a_repeat_gets_the_first_answer(suda: Suda) -> None:
    complaint = one()
    first = suda.classify(complaint)
    again = suda.classify(complaint)
    assert again.replayed
    assert again.complaint_id == first.complaint_id
    key = str(uuid.uuid4())
    assert suda.classify("没人理我", idempotency_key=key) == suda.classify(
        "没人理我", idempotency_key=key
    ).model_copy(update={"replayed": False})


def test_a_batch_answers_each_on_its_own(suda: Suda) -> None:
    good, bad, other = suda.classify_batch([one(), "  ", "排队太久"])
    assert isinstance(good, Decision)
    assert isinstance(bad, Problem)
    assert bad.status == 422
    assert [error.field for error in bad.errors] == ["text"]
    assert isinstance(other, Decision)
    assert unknown([good, bad, other]) == []


def test_any_number_goes_in_calls_of_a_size(suda: Suda) -> None:
    texts = [f"排队太久，第{number}次" for number in range(7)]
    answers = list(suda.classify_many(iter(texts), size=3))
    assert len({a.complaint_id for a in answers if isinstance(a, Decision)}) == 7


def test_what_people_decided_goes_in_and_comes_out(suda: Suda) -> None:
    since = datetime.now(UTC)
    decision = suda.classify(one())
    label = decision.labels["reason"].code
    said = Feedback(complaint_id=decision.complaint_id, labels={"reason": label}, who="r-17")
    nobody = Feedback(complaint_id="nobody", labels={"reason": label}, who="r-17")
    taken, refused = suda.feedback([said, nobody])
    assert isinstance(taken, Recorded)
    assert isinstance(refused, Problem)
    records = [r for r in suda.feedback_records(since) if r.complaint_id == decision.complaint_id]
    assert [(r.head, r.code, r.who) for r in records] == [("reason", label, "r-17")]


def test_a_case_is_told_and_asked(suda: Suda) -> None:
    decision = suda.classify(one())
    event = EventReport(event_id=str(uuid.uuid4()), kind="accepted", who="staff-1")
    told = suda.tell(decision.complaint_id, event)
    assert told.case.status == "accepted"
    assert not told.replayed
    assert suda.tell(decision.complaint_id, event).replayed
    timeline = suda.timeline(decision.complaint_id)
    assert [each.kind for each in timeline.events if each.event_id == event.event_id] == [
        "accepted"
    ]
    assert {clock.state for clock in timeline.clocks} <= {"running", "met", "breached", "void"}
    assert unknown([told.case, *timeline.clocks]) == []


def test_a_file_goes_in_and_its_result_comes_out(suda: Suda, tmp_path: Path) -> None:
    file = tmp_path / "complaints.jsonl"
    rows = [{"body": f"柜台排队{n}小时"} for n in range(5)] + [{"body": ""}]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    options = JobOptions(name="test", saving="dry_run", columns={"text": "body"})
    key = str(uuid.uuid4())
    job = suda.submit_job(file, options, idempotency_key=key)
    assert suda.submit_job(file, options, idempotency_key=key).id == job.id
    ended = suda.await_job(job.id, every=0.1)
    assert (ended.state, ended.done, ended.failed) == ("done", 5, 1)
    assert job.id in {each.id for each in suda.jobs()}
    target = tmp_path / "result.jsonl"
    suda.save_result(job.id, target)
    found = [JobRow.model_validate_json(line) for line in target.read_bytes().splitlines()]
    assert [row.decision is not None for row in found] == [True] * 5 + [False]
    assert unknown(found) == []
    suda.remove_job(job.id)
    with pytest.raises(NotFoundError):
        suda.job(job.id)
    with pytest.raises(NotFoundError):
        suda.save_result(job.id, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_taxonomy_names_every_label_that_is_answered(suda: Suda) -> None:
    taxonomy = suda.taxonomy()
    named = {head.name: {label.code for label in head.labels} for head in taxonomy.heads}
    for head, label in suda.classify(one()).labels.items():
        assert label.code in named[head]
    assert unknown(taxonomy) == []


def test_refusals_are_exceptions_that_name_the_field(suda: Suda, live: Live) -> None:
    with pytest.raises(InvalidError) as invalid:
        suda.classify(Complaint(text=TEXT, channel="X"))
    assert invalid.value.problem.errors[0].field == "channel"
    # What was sent is not in the message that is logged.
    assert TEXT[:8] not in str(invalid.value)
    with pytest.raises(NotFoundError):
        suda.complaint("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    complaint = one()
    suda.classify(complaint)
    with pytest.raises(ConflictError):
        suda.classify(complaint.model_copy(update={"text": "别的"}))
    with Suda(live.url, "suda_no", retry=NEVER) as stranger, pytest.raises(UnauthorizedError):
        stranger.classify(TEXT)
    with Suda(live.url, live.key_for("audit")) as auditor, pytest.raises(ForbiddenError):
        auditor.classify(TEXT)


def test_ready_is_said_without_an_exception(suda: Suda) -> None:
    assert suda.ready()
    # Nobody listens on the discard port.
    with Suda("http://127.0.0.1:9", "suda_no", retry=NEVER) as nowhere:
        assert not nowhere.ready()
        with pytest.raises(UnreachableError, match="ConnectError"):
            nowhere.classify(TEXT)


def test_asyncio_has_the_same(live: Live, tmp_path: Path) -> None:
    async def go() -> None:
        async with AsyncSuda(live.url, live.key, seconds=300) as suda:
            complaint = one()
            both = await asyncio.gather(suda.classify(complaint), suda.classify(complaint))
            assert both[0].complaint_id == both[1].complaint_id
            many = [answer async for answer in suda.classify_many(["甲事", "乙事"], size=1)]
            assert len(many) == 2
            assert (await suda.complaint(both[0].complaint_id)).complaint.text == TEXT
            assert [r async for r in suda.feedback_records()]
            event = EventReport(event_id=str(uuid.uuid4()), kind="accepted", who="staff-1")
            assert (await suda.tell(both[0].complaint_id, event)).case.status == "accepted"
            assert (await suda.timeline(both[0].complaint_id)).events
            file = tmp_path / "a.csv"
            file.write_text("text\n排队太久\n", "utf-8")
            job = await suda.submit_job(file, JobOptions(saving="dry_run"))
            assert (await suda.await_job(job.id, every=0.1)).state == "done"
            assert job.id in [each.id async for each in suda.jobs()]
            await suda.save_result(job.id, tmp_path / "a.out", kind="csv")
            assert (tmp_path / "a.out").read_text("utf-8-sig").count("\n") == 2
            with pytest.raises(NotFoundError):
                await suda.complaint("nobody")
            assert await suda.ready()

    asyncio.run(go())


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in vars(kind).items()
            if callable(method) and not name.startswith("_")
        }

    assert public(Suda) == public(AsyncSuda)
