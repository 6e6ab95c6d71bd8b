"""Jobs worked on: every row once, whatever happens in between."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from data.errors import ConflictError, NotFoundError, StoreDownError
from data.records import Complaint
from serving.api.schemas import ClassifyRequest, to_complaint
from serving.engine.engine import Engine, Limits
from serving.intake import Intake
from serving.store import audit, job_items, job_lease, job_removal, jobs
from serving.store.entry import Saved
from serving.store.rows.jobs import JobItemRow, JobRow
from serving.store.tables import ComplaintRow, DecisionRow
from tests.jobs.kit import LEASE, NOW, Plant, table

PATIENCE = 60


def complaints(plant: Plant) -> int:
    with plant.sessions() as session:
        found = session.scalar(select(func.count()).select_from(ComplaintRow)) or 0
        assert session.scalar(select(func.count()).select_from(DecisionRow)) == found
        return found


def decision_of(result: job_items.Result) -> dict[str, Any]:
    assert result.body is not None, result.problem
    decision: dict[str, Any] = orjson.loads(result.body)
    return decision


class Meddling:
    """An intake that does something at its nth row."""

    def __init__(self, plant: Plant, at: int, what: Callable[[], Any]) -> None:
        self._plant, self._at, self._what = plant, at, what
        self._lock = threading.Lock()
        self.calls = 0

    def __call__(self) -> Intake:
        with self._lock:
            self.calls += 1
            now = self.calls == self._at
        if now:
            self._what()
        return self._plant.intake


def test_a_job_decides_every_row_once_and_as_http_would(plant: Plant) -> None:
    counted = Counter[str]()
    job = plant.load(table(60))
    runner = plant.runner(observe=lambda outcome, rows: counted.update({outcome: rows}))
    assert runner.turn()
    done = plant.job(job.id)
    assert (done.state, done.done, done.failed, done.ended_at) == ("done", 60, 0, NOW)
    assert (done.lease_owner, done.lease_until) == (None, None)
    assert complaints(plant) == 60
    assert counted == {"done": 60}
    for result in plant.results(job.id):
        decision = decision_of(result)
        request = ClassifyRequest(  # type: ignore[call-arg]
            text=plant.store.complaint(decision["complaint_id"])["text"],
            external_id=str(result.number),
            source="app",
        )
        pipeline = plant.intake.pipeline
        complaint = to_complaint(request, pipeline.taxonomy, now=NOW, max_chars=20_000)
        assert pipeline.decide(complaint, decision["complaint_id"]) == decision
    assert not runner.turn()


def test_a_dry_run_stores_no_complaint(plant: Plant) -> None:
    job = plant.load(table(70), saving="dry_run")
    plant.runner().turn()
    assert plant.job(job.id).done == 70
    assert complaints(plant) == 0
    results = plant.results(job.id)
    assert [r.number for r in results] == list(range(1, 71))
    assert decision_of(results[1])["labels"]["mood"]["code"] in ("good", "bad")


def test_what_came_in_before_keeps_its_first_answer(plant: Plant) -> None:
    same = ClassifyRequest(text="办事很快，第3件", external_id="3", source="app")  # type: ignore[call-arg]
    other = ClassifyRequest(text="别的话", external_id="4", source="app")  # type: ignore[call-arg]
    before: list[Saved] = []
    for request in (same, other):
        complaint = Complaint(request.text, NOW, external_id=request.external_id, source="app")
        before.append(plant.intake.take(complaint, request.fingerprint(), None))
    job = plant.load("external_id,source,text\n3,app,办事很快，第3件\n4,app,没人理我\n")
    plant.runner().turn()
    first, second = plant.results(job.id)
    assert (first.body, first.replayed) == (before[0].body, True)
    assert second.problem is not None
    assert orjson.loads(second.problem)["errors"][0]["field"] == "external_id"
    assert complaints(plant) == 2
    assert (plant.job(job.id).done, plant.job(job.id).replayed) == (1, 1)


def test_the_same_row_twice_in_a_file_is_one_complaint(plant: Plant) -> None:
    row = "7,app,没人理我\n"
    job = plant.load("external_id,source,text\n" + 3 * row)
    plant.runner().turn()
    assert complaints(plant) == 1
    ended = plant.job(job.id)
    assert (ended.done, ended.replayed, ended.failed) == (3, 2, 0)


def test_rows_that_cannot_be_decided_stop_nothing(plant: Plant) -> None:
    job = plant.load("text\n没人理我\n\u200b\n乱扣我钱\n" + "长" * 20_001 + "\n")
    plant.runner().turn()
    with plant.sessions() as session:
        failed = job_items.errors(session, job.id, 0, 10)
    assert [(r.number, r.line) for r in failed] == [(2, 3), (4, 5)]
    assert "words" in str(failed[0].problem)
    assert "at most 20000" in str(failed[1].problem)
    assert (plant.job(job.id).state, plant.job(job.id).done) == ("done", 2)


def test_a_stopped_runner_gives_its_job_back_and_another_goes_on(plant: Plant) -> None:
    job = plant.load(table(80))
    halted = threading.Event()
    meddling = Meddling(plant, 30, halted.set)
    first = plant.runner(meddling)
    first.start()
    assert halted.wait(PATIENCE)
    assert first.close(PATIENCE)
    given_back = plant.job(job.id)
    assert (given_back.state, given_back.lease_owner) == ("queued", None)
    # The figures are exact, not those of the last heartbeat.
    assert 28 <= given_back.done == complaints(plant) < 80
    assert plant.runner().turn()
    assert plant.job(job.id).done == complaints(plant) == 80


def test_a_dead_worker_s_job_goes_to_the_next_once_its_lease_is_over(plant: Plant) -> None:
    job = plant.load(table(20))
    with plant.sessions.begin() as session:
        assert job_lease.claim(session, "dead", NOW, LEASE) is not None
    # It had decided some rows and told nobody.
    with plant.sessions() as session:
        rows = job_items.waiting(session, job.id, 0, 5)
    for row in rows:
        request = ClassifyRequest.model_validate(row.request)
        complaint = to_complaint(request, plant.intake.pipeline.taxonomy, now=NOW, max_chars=99)
        plant.intake.take(complaint, request.fingerprint(), row.key)
    runner = plant.runner()
    assert not runner.turn()
    plant.clock.at += LEASE + timedelta(seconds=1)
    assert runner.turn()
    assert plant.job(job.id).done == complaints(plant) == 20
    # The row was marked with its decision, so nobody decided it again.
    assert plant.job(job.id).replayed == 0


def test_two_workers_on_one_job_by_mistake_decide_each_row_once(plant: Plant) -> None:
    """A worker that was thought dead wakes up beside its successor."""
    job = plant.load(table(40))

    def expire() -> None:
        with plant.sessions.begin() as session:
            session.execute(update(JobRow).values(lease_until=NOW - LEASE))

    meddling = Meddling(plant, 5, expire)
    first = threading.Thread(target=plant.runner(meddling).turn)
    second = plant.runner()
    first.start()
    until = time.monotonic() + PATIENCE
    while meddling.calls < 5:
        assert time.monotonic() < until
    second.turn()
    first.join(PATIENCE)
    while plant.job(job.id).state != "done":
        plant.clock.at += LEASE
        plant.runner().turn()
        assert time.monotonic() < until
    assert plant.job(job.id).done == complaints(plant) == 40


def test_workers_never_lease_the_same_job(plant: Plant) -> None:
    made = {plant.load(table(1, ids=False)).id for _ in range(6)}
    taken: list[str] = []
    until = time.monotonic() + PATIENCE

    def take(worker: int) -> None:
        for number in itertools.count():
            if len(taken) >= len(made) or time.monotonic() > until:
                return
            with plant.sessions.begin() as session:
                job = job_lease.claim(session, f"{worker}-{number}", NOW, LEASE)
            if job is not None:
                taken.append(job.id)

    threads = [threading.Thread(target=take, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(taken) == sorted(made)


def test_a_job_whose_workers_always_die_is_laid_aside(plant: Plant) -> None:
    job = plant.load(table(1))
    for number in range(job_lease.MAX_TAKEOVERS + 1):
        plant.clock.at += 2 * LEASE
        with plant.sessions.begin() as session:
            assert job_lease.claim(session, f"w{number}", plant.clock(), LEASE) is not None
    plant.clock.at += 2 * LEASE
    assert not plant.runner().turn()
    assert plant.job(job.id).state == "paused"
    assert "again and again" in str(plant.job(job.id).message)
    with plant.sessions.begin() as session:
        jobs.turn(session, job.id, "queued", "key:a", NOW)
    assert plant.runner().turn()
    assert plant.job(job.id).state == "done"


@pytest.mark.parametrize("state", ["paused", "cancelled"])
def test_a_job_is_stopped_in_the_middle_and_goes_on_later(
    plant: Plant, state: jobs.State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.jobs.shift._BEAT", 0.05)
    job = plant.load(table(60))

    def stop() -> None:
        with plant.sessions.begin() as session:
            jobs.turn(session, job.id, state, "key:b", NOW)
        time.sleep(0.1)  # until the next heartbeat is due

    plant.runner(Meddling(plant, 10, stop), lanes=1).turn()
    stopped = plant.job(job.id)
    assert (stopped.state, stopped.lease_owner) == (state, None)
    assert 9 <= stopped.done == complaints(plant) < 60
    assert (stopped.ended_at is None) == (state == "paused")
    assert not plant.runner().turn()
    with plant.sessions.begin() as session:
        jobs.turn(session, job.id, "queued", "key:b", NOW)
    assert plant.runner().turn()
    assert plant.job(job.id).done == complaints(plant) == 60
    with plant.sessions() as session:
        actions = [link.action for link in audit.entries(session)]
    verb = f"job.{state}"
    assert actions == ["job.created", verb, "job.resumed", "job.ended"]


def test_failed_rows_can_be_tried_once_more(plant: Plant) -> None:
    job = plant.load(table(6) + "9,app,\n")
    broken = replace(plant.intake.pipeline, taxonomy=None)  # type: ignore[arg-type]
    plant.runner(lambda: replace(plant.intake, pipeline=broken)).turn()
    ended = plant.job(job.id)
    assert (ended.state, ended.done, ended.failed) == ("done", 0, 7)
    assert "internal" in str(plant.results(job.id)[0].problem)
    with plant.sessions.begin() as session:
        with pytest.raises(ConflictError, match="it is done"):
            jobs.turn(session, job.id, "queued", "key:b", NOW)
        jobs.turn(session, job.id, "queued", "key:b", NOW, failed=True)
    plant.runner().turn()
    # The one without words stays what it was.
    assert (plant.job(job.id).done, plant.job(job.id).failed) == (6, 1)


def test_a_database_that_is_away_for_a_while_costs_no_row(plant: Plant) -> None:
    job = plant.load(table(30))
    save, down = plant.store.save_group, Counter[str]()

    def failing(entries: Any) -> Any:
        if down["calls"] < 3:
            down["calls"] += 1
            return [StoreDownError("away")] * len(entries)
        return save(entries)

    plant.intake.committer._save_group = failing
    plant.runner().turn()
    assert down["calls"] == 3
    assert plant.job(job.id).done == complaints(plant) == 30
    assert plant.job(job.id).failed == 0


def test_a_row_deleted_or_erased_under_way_is_not_stored(plant: Plant) -> None:
    job = plant.load(table(3))

    def gone() -> None:
        with plant.sessions.begin() as session:
            session.execute(update(JobItemRow).values(state="failed"))

    plant.runner(Meddling(plant, 1, gone), lanes=1).turn()
    assert complaints(plant) == 0
    assert plant.job(job.id).failed == 3


def test_a_model_swapped_in_the_middle_decides_the_rest(plant: Plant) -> None:
    class Newer:
        version = "newer"

        def __getattr__(self, name: str) -> Any:
            return getattr(plant.intake.pipeline.classifier, name)

    newer = replace(plant.intake, pipeline=replace(plant.intake.pipeline, classifier=Newer()))
    calls = Counter[str]()

    def intake() -> Intake:
        calls["n"] += 1
        return newer if calls["n"] > 10 else plant.intake

    job = plant.load(table(20))
    plant.runner(intake, lanes=1).turn()
    versions = [decision_of(r)["versions"]["model"] for r in plant.results(job.id)]
    own = plant.intake.pipeline.classifier.version
    assert versions == [own] * 10 + ["newer"] * 10


def test_a_row_that_hangs_is_given_up_and_never_stored(
    lone: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.jobs.shift.STUCK", 0.5)
    monkeypatch.setattr("serving.jobs.shift._BEAT", 0.1)
    job = lone.load(table(10))
    go = threading.Event()
    hanging = Meddling(lone, 3, lambda: go.wait(PATIENCE))
    lone.runner(hanging).turn()
    ended = lone.job(job.id)
    assert (ended.state, ended.done, ended.failed) == ("done", 9, 1)
    go.set()
    lone.engine.close(PATIENCE)
    assert complaints(lone) == 9


def test_whoever_waits_goes_before_a_job(lone: Plant) -> None:
    """One worker, held up; a job's row and then a caller's text come to wait."""
    engine = Engine(Limits(workers=1))
    order: list[str] = []
    held, go = threading.Event(), threading.Event()

    def hold(_: Any) -> str:
        held.set()
        go.wait(PATIENCE)
        return "held"

    engine.start()
    (first,) = engine.admit([hold], within=60)
    assert held.wait(PATIENCE)
    lone.engine.close(1)
    lone.engine = engine
    lone.load(table(5))
    decide = lone.intake.pipeline

    def noted() -> Intake:
        order.append("row")
        return lone.intake

    thread = threading.Thread(target=lone.runner(noted, lanes=1).turn)
    thread.start()
    until = time.monotonic() + PATIENCE
    while engine.waiting < 1:
        assert time.monotonic() < until
    works = [lambda _: order.append("caller") for _ in range(3)]
    callers: list[Any] = engine.admit(works, within=30)
    go.set()
    for ticket in (first, *callers):
        ticket.future.result(PATIENCE)
    thread.join(PATIENCE)
    assert order == ["caller"] * 3 + ["row"] * 5
    assert decide is lone.intake.pipeline
    assert engine.crew.healthy() == 1
    engine.close(10)


def test_no_more_rows_are_in_work_than_there_are_lanes(lone: Plant) -> None:
    running, most = Counter[str](), Counter[str]()
    lock = threading.Lock()
    begin = Intake.begin

    class Watched:
        pipeline = lone.intake.pipeline

        def begin(self, *given: Any, **more: Any) -> Saved | Future[Saved]:
            with lock:
                running["now"] += 1
                most["now"] = max(most["now"], running["now"])
            time.sleep(0.002)
            try:
                return begin(lone.intake, *given, **more)
            finally:
                with lock:
                    running["now"] -= 1

    lone.load(table(30))
    lone.runner(Watched, lanes=1).turn()  # type: ignore[arg-type]
    assert most["now"] == 1
    assert complaints(lone) == 30


def test_old_jobs_lose_their_rows_and_keep_their_figures(plant: Plant) -> None:
    job = plant.load(table(5))
    waiting = plant.load(table(5, ids=False))
    plant.runner().turn()
    with plant.sessions.begin() as session:
        jobs.turn(session, waiting.id, "paused", "key:a", NOW)
    plant.clock.at += timedelta(days=31)
    runner = plant.runner()
    assert not runner.turn()
    assert (plant.job(job.id).done, plant.job(job.id).purged_at) == (5, plant.clock())
    assert plant.job(waiting.id).state == "cancelled"
    assert plant.results(job.id) == []
    assert complaints(plant) == 5
    with pytest.raises(ConflictError, match="their time"), plant.sessions.begin() as session:
        jobs.turn(session, waiting.id, "queued", "key:a", NOW)


def test_a_job_is_removed_with_its_rows_and_without_its_complaints(plant: Plant) -> None:
    job = plant.load(table(5), key="k")
    with pytest.raises(ConflictError, match="cancel it first"):
        job_removal.remove(plant.sessions, job.id, "key:b", NOW)
    plant.runner().turn()
    job_removal.remove(plant.sessions, job.id, "key:b", NOW)
    with pytest.raises(NotFoundError):
        plant.job(job.id)
    with plant.sessions() as session:
        assert session.scalar(select(func.count()).select_from(JobItemRow)) == 0
        assert _last(session) == "job.deleted"
    assert complaints(plant) == 5
    assert plant.load(table(6), key="k").total == 6


def _last(session: Session) -> str:
    return list(audit.entries(session))[-1].action
