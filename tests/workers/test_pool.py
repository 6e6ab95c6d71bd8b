"""Real processes: what they answer, and what happens when they die, hang or cannot begin."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from data.errors import InputError
from data.records import Complaint
from data.text.normalise import NormalisedText, normalise
from model.classifier import Classifier, Prediction
from model.runtime import load
from serving.engine.laps import Laps
from serving.pipeline import Outcome, Pipeline
from serving.settings import Settings
from serving.triage.policy import PolicySet
from serving.workers.link import Link
from serving.workers.messages import WorkerError
from serving.workers.pool import Pool
from tests.engine.kit import SOON, until
from tests.models.kit import rewritten

TEXTS = [normalise(text) for text in ("态度真好，办事很快", "态度恶劣，没人理我", "还行吧")]
COMPLAINT = Complaint(TEXTS[1].original, datetime(2026, 3, 2, 9, tzinfo=UTC), source="电话")

# Loads anything, and does to the first text what the placeholder says.
ROGUE = """
import os, sys, time
from multiprocessing.connection import Connection
from serving.workers.messages import Done, Load
c = Connection(int(sys.argv[1]))
while True:
    m = c.recv()
    if isinstance(m, Load):
        c.send(Done("rogue"))
    else:
        {deed}
"""


def rogue(deed: str) -> Callable[[], Link]:
    """Starts workers that load what they are told to, and then do this."""
    return lambda: Link((sys.executable, "-c", ROGUE.format(deed=deed)))


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Two workers."""
    made = Pool(2)
    made.begin()
    yield made
    made.close()


@pytest.fixture
def shared(pool: Pool, mood_bundle: Path) -> Classifier:
    """A model that they hold."""
    return pool.share(load(mood_bundle), mood_bundle)


def same(one: Prediction, other: Prediction) -> bool:
    """Bit by bit."""
    return all(
        np.array_equal(head.probabilities, other.heads[name].probabilities)
        and head.evidence == other.heads[name].evidence
        for name, head in one.heads.items()
    )


def pids(pool: Pool) -> list[int]:
    """The processes' numbers."""
    return [seat.link.pid for seat in pool._seats if seat.link is not None]


def elsewhere(pool: Pool, classifier: Classifier, text: object = TEXTS[0]) -> Prediction | None:
    """What the workers answer, None where the answer would be made here."""
    return pool.predict(classifier.model, text, 3)  # type: ignore[attr-defined, arg-type]


@pytest.fixture
def equipped(pool: Pool, shared: Classifier, mood_bundle: Path) -> Pipeline:
    """A pipeline that they decide by."""
    made = replace(Pipeline.open(Settings(bundle=mood_bundle)), classifier=shared)
    pool.equip(made)
    return made


def decided(pool: Pool, pipeline: Pipeline) -> Outcome | None:
    """What a worker decides, None where it would be decided here."""
    name = pipeline.classifier.model  # type: ignore[attr-defined]
    found = pool.decide(name, pipeline, [(COMPLAINT, "id")])
    if found is None:
        return None
    (outcome,) = found
    assert isinstance(outcome, Outcome)
    return outcome


def here(pipeline: Pipeline) -> Outcome:
    """What this process decides."""
    (outcome,) = pipeline.made([(COMPLAINT, "id")])
    assert isinstance(outcome, Outcome)
    return outcome


def like(policies: PolicySet) -> PolicySet:
    """Equal, and another."""
    return PolicySet(policies.zone, policies.policies)


def test_workers_decide_byte_by_byte_what_is_decided_here(
    pool: Pool, equipped: Pipeline, mood_bundle: Path
) -> None:
    own = Pipeline.open(Settings(bundle=mood_bundle)).outcome(COMPLAINT, "id")
    there = decided(pool, equipped)
    assert there is not None
    assert there.body == own.body
    assert there.answer == own.answer
    laps = Laps()
    assert equipped.outcome(COMPLAINT, "id", laps.lap).body == own.body
    assert list(laps.seconds) == ["prepare", "infer", "decide"]
    assert all(laps.seconds.values())


def test_a_text_without_words_is_refused_by_a_worker_as_here(
    pool: Pool, equipped: Pipeline
) -> None:
    empty = replace(COMPLAINT, text="\u200b")
    with pytest.raises(InputError) as there:
        equipped.outcome(empty, "id")
    (refused,) = equipped.made([(empty, "id")])
    assert str(there.value) == str(refused)
    assert pool.healthy() == 2
    assert decided(pool, equipped) is not None


def test_both_workers_are_equipped(pool: Pool, equipped: Pipeline) -> None:
    for seat in pool._seats:
        assert seat.link is not None
        with seat.link.lock:
            assert decided(pool, equipped) is not None


def test_policies_that_workers_were_not_equipped_with_are_applied_here(
    pool: Pool, equipped: Pipeline
) -> None:
    other = replace(equipped, policies=like(equipped.policies))
    assert decided(pool, other) is None
    assert other.outcome(COMPLAINT, "id").body == equipped.outcome(COMPLAINT, "id").body
    assert decided(pool, replace(equipped, top_k=1)) is None


def test_workers_decide_by_what_they_were_equipped_with_last(
    pool: Pool, equipped: Pipeline
) -> None:
    policies = tuple(replace(policy, stamp="strict@2") for policy in equipped.policies.policies)
    strict = replace(equipped, policies=PolicySet(equipped.policies.zone, policies))
    pool.equip(strict)
    outcome = decided(pool, strict)
    assert outcome is not None
    assert outcome.answer["versions"]["policy"] == "strict@2"
    assert decided(pool, equipped) is None
    assert equipped.outcome(COMPLAINT, "id").versions == here(equipped).versions


def test_nobody_is_failed_while_policies_change(pool: Pool, equipped: Pipeline) -> None:
    """Whoever asks by what was replaced meanwhile is answered all the same."""
    body = here(equipped).body
    done = threading.Event()

    def asked() -> int:
        count = 0
        while not done.is_set():
            assert equipped.outcome(COMPLAINT, "id").body == body
            count += 1
        return count

    with ThreadPoolExecutor(3) as threads:
        asking = [threads.submit(asked) for _ in range(3)]
        for _ in range(6):
            pool.equip(replace(equipped, policies=like(equipped.policies)))
            pool.equip(equipped)
        done.set()
        assert sum(future.result(SOON) for future in asking) > 3
    assert decided(pool, equipped) is not None


def test_a_worker_that_is_started_anew_is_equipped_as_the_others_were(
    pool: Pool, equipped: Pipeline
) -> None:
    for pid in pids(pool):
        os.kill(pid, signal.SIGKILL)
    until(lambda: pool.healthy() == 0)
    assert decided(pool, equipped) is None
    assert equipped.outcome(COMPLAINT, "id").body
    pool.tend()
    until(lambda: pool.healthy() == 2)
    assert decided(pool, equipped) is not None


def test_policies_that_cannot_be_sent_stay_here(
    pool: Pool, equipped: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    policies = tuple(
        replace(policy, router=lambda: None)  # type: ignore[arg-type]
        for policy in equipped.policies.policies
    )
    local = replace(equipped, policies=PolicySet(equipped.policies.zone, policies))
    pool.equip(local)
    assert "cannot be sent" in caplog.text
    assert decided(pool, local) is None
    assert pool.healthy() == 2
    pool.equip(equipped)
    assert decided(pool, equipped) is not None


def test_what_belongs_to_a_model_is_forgotten_with_it(pool: Pool, equipped: Pipeline) -> None:
    pool.forget(equipped.classifier.model)  # type: ignore[attr-defined]
    assert decided(pool, equipped) is None
    assert all(seat.link is not None and not seat.link.holds for seat in pool._seats)
    assert equipped.outcome(COMPLAINT, "id").body


def test_a_pipeline_they_do_not_share_is_left_alone(pool: Pool, mood_bundle: Path) -> None:
    own = Pipeline.open(Settings(bundle=mood_bundle))
    pool.equip(own)
    assert own.outcome(COMPLAINT, "id").body
    assert pool._desks == {}


def test_a_complaint_that_kills_a_worker_fails_alone(mood_bundle: Path) -> None:
    deeds = "c.send(Done(None)) if type(m).__name__ == 'Equip' else os._exit(9)"
    pool = Pool(1, start=rogue(deeds))
    pool.begin()
    shared = pool.share(load(mood_bundle), mood_bundle)
    pipeline = replace(Pipeline.open(Settings(bundle=mood_bundle)), classifier=shared)
    pool.equip(pipeline)
    with pytest.raises(WorkerError, match="died"):
        pipeline.outcome(COMPLAINT, "id")
    assert pool.healthy() == 0
    assert pipeline.outcome(COMPLAINT, "id").body
    pool.close()


SEVERAL = [(replace(COMPLAINT, text=text.original), str(at)) for at, text in enumerate(TEXTS)]


def test_complaints_are_decided_together_as_each_of_them_alone(
    pool: Pool, equipped: Pipeline
) -> None:
    empty = (replace(COMPLAINT, text="\u200b"), "empty")
    asked = [*SEVERAL[:2], empty, *SEVERAL[2:]]
    laps = [Laps() for _ in asked]
    first, second, refused, third = equipped.outcomes(asked, [lap.lap for lap in laps])
    assert isinstance(refused, InputError)
    for one, (complaint, number) in zip((first, second, third), SEVERAL, strict=True):
        assert isinstance(one, Outcome)
        assert one.body == equipped.outcome(complaint, number).body
    assert all(list(lap.seconds) == ["prepare", "infer", "decide"] for lap in laps)
    there = pool.decide(equipped.classifier.model, equipped, asked)  # type: ignore[attr-defined]
    assert there is not None
    assert [type(one) for one in there] == [Outcome, Outcome, InputError, Outcome]


# Does what the placeholder says to whoever asks for more than one complaint, or for the second.
UNSOCIABLE = """
if type(m).__name__ == 'Equip':
    c.send(Done(None))
elif len(m.asked) > 1 or m.asked[0][1] == '1':
    {deed}
else:
    from serving.pipeline import Outcome
    c.send(Done([Outcome(b'{{}}', dict(model=m.asked[0][1]), 0.0, None)]))
"""


@pytest.mark.parametrize(
    ("deed", "why"),
    [("os._exit(9)", "died"), ("time.sleep(60)", "no answer"), ("raise ValueError", "died")],
)
def test_one_that_a_worker_fails_on_takes_none_with_it(
    mood_bundle: Path, deed: str, why: str
) -> None:
    """Three workers: one for all together, one for the complaint to blame, one for the others."""
    pool = Pool(3, seconds=2.0, start=rogue(f"exec({UNSOCIABLE.format(deed=deed)!r})"))
    pool.begin()
    shared = pool.share(load(mood_bundle), mood_bundle)
    pipeline = replace(Pipeline.open(Settings(bundle=mood_bundle)), classifier=shared)
    pool.equip(pipeline)
    first, second, third = pipeline.outcomes(SEVERAL, [Laps().lap for _ in SEVERAL])
    assert isinstance(first, Outcome)
    assert isinstance(third, Outcome)
    assert [first.versions["model"], third.versions["model"]] == ["0", "2"]
    assert isinstance(second, WorkerError)
    assert why in str(second)
    assert pool.healthy() == 1
    pool.close()


def test_a_complaint_that_fails_here_fails_alone(
    mood_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Pipeline.open(Settings(bundle=mood_bundle))
    predict = own.classifier.predict

    def fails(text: NormalisedText, *, top_k: int = 3) -> Prediction:
        if text.original == TEXTS[1].original:
            raise ZeroDivisionError
        return predict(text, top_k=top_k)

    monkeypatch.setattr(own.classifier, "predict", fails)
    first, second, third = own.made(SEVERAL)
    assert isinstance(second, ZeroDivisionError)
    assert isinstance(first, Outcome)
    assert isinstance(third, Outcome)


def test_workers_answer_what_the_model_answers_here(
    pool: Pool, shared: Classifier, mood_bundle: Path
) -> None:
    own = load(mood_bundle)
    for text in TEXTS:
        assert same(shared.predict(text), own.predict(text))
        answer = elsewhere(pool, shared, text)
        assert answer is not None
        assert same(answer, own.predict(text))
    assert shared.version == own.version


def test_a_worker_that_was_killed_is_missed_by_nobody_and_replaced(
    pool: Pool, shared: Classifier
) -> None:
    before = pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: pool.healthy() == 0)
    assert elsewhere(pool, shared) is None
    assert shared.predict(TEXTS[0]).heads
    assert pool.tend() == 2
    until(lambda: elsewhere(pool, shared) is not None)
    until(lambda: pool.healthy() == 2)
    assert not set(before) & set(pids(pool))


def test_workers_outlive_the_signal_that_tells_the_service_to_drain(
    pool: Pool, shared: Classifier
) -> None:
    for pid in pids(pool):
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
    assert elsewhere(pool, shared) is not None
    assert pool.healthy() == 2


def test_workers_end_with_their_pool(pool: Pool, shared: Classifier) -> None:
    running = pids(pool)
    pool.close()
    for pid in running:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert shared.predict(TEXTS[0]).heads
    assert pool.tend() == 0


def test_a_model_nobody_holds_any_more_is_let_go_of(pool: Pool, mood_bundle: Path) -> None:
    shared = pool.share(load(mood_bundle), mood_bundle)
    name = shared.model  # type: ignore[attr-defined]
    assert elsewhere(pool, shared) is not None
    del shared
    gc.collect()
    assert pool.predict(name, TEXTS[0], 3) is None


def test_two_models_are_held_side_by_side(
    pool: Pool, shared: Classifier, mood_bundle: Path, tmp_path: Path
) -> None:
    path = rewritten(mood_bundle, tmp_path / "warm", temperature=3.0)
    other = pool.share(load(path), path)
    one, two = elsewhere(pool, shared), elsewhere(pool, other)
    assert one is not None
    assert two is not None
    assert not same(one, two)
    assert same(two, load(path).predict(TEXTS[0]))


def test_a_bundle_that_a_worker_cannot_load_is_refused(
    pool: Pool, shared: Classifier, mood_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkerError, match="BundleError"):
        pool.share(load(mood_bundle), tmp_path / "gone")
    assert elsewhere(pool, shared) is not None


def test_what_is_not_needed_is_served_here_and_tried_again(
    pool: Pool, mood_bundle: Path, tmp_path: Path
) -> None:
    kept = pool.share(load(mood_bundle), tmp_path / "gone", needed=False)
    assert pool.healthy() == 0
    assert kept.predict(TEXTS[0]).heads


def test_a_text_that_kills_a_worker_fails_alone(mood_bundle: Path) -> None:
    pool = Pool(1, start=rogue("os._exit(9)"))
    pool.begin()
    shared = pool.share(load(mood_bundle), mood_bundle)
    with pytest.raises(WorkerError, match="died"):
        shared.predict(TEXTS[0])
    assert pool.healthy() == 0
    assert shared.predict(TEXTS[1]).heads
    pool.close()


def test_a_text_whose_worker_was_killed_is_given_to_another(mood_bundle: Path) -> None:
    """The first one dies of its first text, the second answers."""
    deeds = iter(["os._exit(9)", "c.send(Done('an answer'))"])
    pool = Pool(2, start=lambda: rogue(next(deeds))())
    pool.begin()
    shared = pool.share(load(mood_bundle), mood_bundle)
    assert shared.predict(TEXTS[0]) == "an answer"  # type: ignore[comparison-overlap]
    assert pool.healthy() == 1
    pool.close()


def test_a_text_that_hangs_a_worker_costs_its_time_and_the_worker(mood_bundle: Path) -> None:
    pool = Pool(1, seconds=0.2, start=rogue("time.sleep(60)"))
    pool.begin()
    shared = pool.share(load(mood_bundle), mood_bundle)
    with pytest.raises(WorkerError, match="no answer"):
        shared.predict(TEXTS[0])
    assert pool.healthy() == 0
    pool.close()


def test_what_is_no_answer_is_not_taken_for_one(mood_bundle: Path) -> None:
    pool = Pool(1, start=rogue("c.send('?')"))
    pool.begin()
    shared = pool.share(load(mood_bundle), mood_bundle)
    with pytest.raises(WorkerError, match="answered str"):
        shared.predict(TEXTS[0])
    pool.close()


def test_a_worker_that_keeps_dying_is_started_less_and_less_often(mood_bundle: Path) -> None:
    now = [0.0]
    starts: list[float] = []

    def start() -> Link:
        starts.append(now[0])
        return Link((sys.executable, "-c", "pass"))

    pool = Pool(1, start=start, clock=lambda: now[0])
    pool.begin()
    for _ in range(300):
        until(lambda: pool.healthy() == 0 and not any(seat.starting for seat in pool._seats))
        pool.tend()
        now[0] += 0.5
    until(lambda: not any(seat.starting for seat in pool._seats))
    assert 5 <= len(starts) <= 9
    assert starts[-1] - starts[-2] >= 30.0
    pool.close()


def test_where_no_process_can_be_started_the_service_goes_on(mood_bundle: Path) -> None:
    def start() -> Link:
        raise OSError(11, "no more processes")

    pool = Pool(2, start=start)
    pool.begin()
    shared = pool.share(load(mood_bundle), mood_bundle)
    assert shared.predict(TEXTS[0]).heads
    assert pool.healthy() == 0
    pool.close()


def test_a_pool_of_none_leaves_the_model_as_it_is(mood_bundle: Path) -> None:
    own = load(mood_bundle)
    assert Pool(0).share(own, mood_bundle) is own
