"""A shadow answers unheard: when nothing else wants the processor, and what differs is kept."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from data.records import Complaint
from serving.api.state import State
from serving.engine.engine import Engine, Limits
from serving.models.compare import compared
from serving.models.shadow import Shadow, spare
from serving.models.switchboard import Switchboard
from serving.store import shadow as shadow_store
from serving.store.shadow import Result, Wanted
from serving.store.store import Store
from tests.engine.kit import SOON, Gate, until
from tests.models.kit import BAD, GOOD, Ask, Held, Models
from tests.store.conftest import store
from tests.store.kit import entry

__all__ = ["store"]
NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)


def begin(client: TestClient, version: str | None) -> Any:
    return client.put("/v1/models/shadow", json={"version": version, "why": "look"})


def counted(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/models/shadow").json()["agreement"]
    return found


def test_what_differs_is_kept_and_all_is_counted(
    client: TestClient, models: Models, ask: Ask
) -> None:
    assert begin(client, models.inverted).status_code == 200
    ids = [ask(f"{GOOD if n % 2 else BAD}，{n}")["complaint_id"] for n in range(6)]
    until(lambda: counted(client) != [] and counted(client)[0]["texts"] == 6)
    found = client.get("/v1/models/shadow").json()
    rates = {rate["field"]: rate for rate in found["agreement"]}
    assert set(rates) == {"head:mood", "lead", "review"}
    assert rates["head:mood"]["agreed"] == 0
    assert rates["head:mood"]["agreement"]["high"] < 0.5
    assert rates["lead"]["agreement"]["value"] == 1.0
    assert {item["complaint_id"] for item in found["items"]} == set(ids)
    first = found["items"][0]["fields"]["head:mood"]
    assert {first["champion"], first["shadow"]} == {"good", "bad"}
    assert first["shadow_confidence"] > 0.5
    assert GOOD not in str(found)
    page = client.get("/v1/models/shadow", params={"limit": 4, "field": "head:mood"}).json()
    rest = client.get("/v1/models/shadow", params={"after": page["next"]}).json()
    assert [len(page["items"]), len(rest["items"]), rest["next"]] == [4, 2, None]
    assert client.get("/v1/models/shadow", params={"field": "lead"}).json()["items"] == []
    metrics = client.get("/metrics").text
    assert 'suda_shadow_texts_total{outcome="decided"} 6.0' in metrics
    assert 'suda_shadow_differs_total{field="head:mood"} 6.0' in metrics
    assert begin(client, None).json()["shadow"] is None
    assert client.get("/v1/models/shadow").status_code == 409
    kept = client.get("/v1/models/shadow", params={"version": models.inverted}).json()
    assert len(kept["items"]) == 6


def test_repeats_and_refusals_are_not_decided_again(
    client: TestClient, models: Models, ask: Ask
) -> None:
    begin(client, models.inverted)
    for _ in range(3):
        ask(BAD, external_id="1")
    assert client.post("/v1/classify", json={"text": "  "}).status_code == 422
    ask(GOOD, external_id="2")
    until(lambda: counted(client) != [])
    assert {rate["texts"] for rate in counted(client)} == {2}


def test_the_champion_is_no_shadow(client: TestClient, models: Models) -> None:
    assert begin(client, models.plain).status_code == 409
    begin(client, models.inverted)
    body = {"why": "test", "force": True}
    swapped = client.post(f"/v1/models/{models.inverted}/activate", json=body).json()
    assert swapped["shadow"] is None
    assert swapped["in_memory"] == 1


def slow_shadow(board: Switchboard) -> Held:
    """The present shadow, from now on waiting until it is let go."""
    working = board.shadowing
    assert working is not None
    held = Held(working.pipeline.classifier)
    working.pipeline = replace(working.pipeline, classifier=held)
    return held


def test_a_shadow_that_hangs_holds_nobody_up(
    client: TestClient, models: Models, board: Switchboard, ask: Ask
) -> None:
    """It does nothing on the engine's threads: with one complaint stuck in it, all are answered."""
    begin(client, models.inverted)
    held = slow_shadow(board)
    ask(BAD)
    assert held.begun.acquire(timeout=SOON)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: ask(f"{BAD}，{n}"), range(40)))
    assert {answer["versions"]["model"] for answer in answers} == {models.plain}
    assert len(held.seen) == 1
    assert client.get("/readyz").status_code == 200
    held.open.set()
    until(lambda: counted(client) != [] and counted(client)[0]["texts"] == 41)


def test_live_complaints_go_first(
    client: TestClient,
    models: Models,
    state: State,
    board: Switchboard,
    ask: Ask,
    held_classifier: Callable[[], Held],
) -> None:
    """While every worker is busy or anything waits, the shadow does nothing."""
    begin(client, models.inverted)
    shadow = slow_shadow(board)
    shadow.open.set()
    live = held_classifier()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, f"{BAD}，{n}") for n in range(4)]
        for _ in range(2):
            assert live.begun.acquire(timeout=SOON)
        until(lambda: state.engine.waiting == 2)
        working = board.shadowing
        assert working is not None
        outcome = board.lineup.champion.bare.outcome(Complaint(BAD, NOW), "x" * 26)
        working.offer(Complaint(BAD, NOW), outcome)
        # Long enough for many looks.
        time.sleep(0.2)
        assert shadow.seen == []
        assert working.waiting <= 1
        live.open.set()
        for future in asked:
            future.result(SOON)
    until(lambda: len(shadow.seen) == 5)


def test_spare_is_a_worker_that_is_idle_and_nobody_waiting() -> None:
    engine = Engine(Limits(workers=2))
    engine.start()
    gate = Gate()
    free = spare(engine)
    assert free()
    engine.admit([gate.work()], within=SOON)
    gate.wait_begun()
    assert free()
    engine.admit([gate.work(), gate.work()], within=SOON)
    gate.wait_begun()
    assert not free()
    gate.open.set()
    until(free)
    engine.close(SOON)


@pytest.fixture
def working(board: Switchboard) -> Any:
    """A shadow of the tests' own: its parts, what it counted, what it handed on."""
    counts: Counter[str] = Counter()
    saved: list[Result] = []
    opened = threading.Event()

    def make(**given: Any) -> tuple[Shadow, Counter[str], list[Result], threading.Event]:
        bare = board.lineup.champion.bare
        parts: dict[str, Any] = {
            "size": 3,
            "spare": opened.is_set,
            "save": lambda results: saved.extend(results),
            "count": lambda outcome: counts.update([outcome]),
        }
        return Shadow(bare, **(parts | given)), counts, saved, opened

    return make


def offered(board: Switchboard, shadow: Shadow, n: int) -> None:
    for i in range(n):
        complaint = Complaint(f"{BAD}，{i}", NOW)
        shadow.offer(complaint, board.lineup.champion.bare.outcome(complaint, f"{i:026}"))


def test_a_full_queue_drops_and_counts(board: Switchboard, working: Any) -> None:
    shadow, counts, saved, opened = working()
    offered(board, shadow, 1)
    until(lambda: shadow.waiting == 0)
    offered(board, shadow, 8)
    assert counts == {"dropped": 5}
    opened.set()
    until(lambda: counts["decided"] == 4)
    shadow.close()
    assert len(saved) == 4
    assert all(result.differs == () for result in saved)


def test_a_shadow_that_fails_and_a_store_that_is_gone(board: Switchboard, working: Any) -> None:
    broken = [True]
    saved: list[Result] = []

    def save(results: Sequence[Result]) -> None:
        if broken[0]:
            raise OSError("gone")
        saved.extend(results)

    shadow, counts, _, opened = working(save=save, size=50)
    opened.set()
    offered(board, shadow, 5)
    shadow.offer(Complaint("  ", NOW), board.lineup.champion.bare.outcome(
        Complaint(BAD, NOW), "0" * 26))  # fmt: skip
    until(lambda: counts == {"decided": 5, "failed": 1})
    broken[0] = False
    shadow.close()
    assert len(saved) == 5


def test_closing_forgets_what_waits(board: Switchboard, working: Any) -> None:
    shadow, counts, saved, _ = working()
    offered(board, shadow, 3)
    shadow.close()
    assert (counts, saved) == ({}, [])


def answer(model: str, level: str, **more: Any) -> dict[str, Any]:
    said = {"code": level, "confidence": 0.6, "model_code": more.get("model_code", level)}
    return {
        "labels": {"urgency": said, "mood": {"code": "bad", "confidence": 0.9}},
        "routing": {"lead": {"code": more.get("lead", "D1"), "name": "部"}},
        "review": {"needed": more.get("review", False)},
        "versions": {"model": model},
    }


def test_every_field_is_compared_by_itself() -> None:
    one = answer("m", "II", model_code="III")
    same = compared("C", one, answer("n", "II", model_code="III"), NOW)
    assert (same.differs, same.shadow, same.champion) == ((), "n", "m")
    for other, differs in (
        (answer("n", "II"), ("head:urgency",)),
        (answer("n", "I", model_code="III"), ("urgency",)),
        (answer("n", "II", model_code="III", lead="D2"), ("lead",)),
        (answer("n", "II", model_code="III", review=True), ("review",)),
    ):
        assert compared("C", one, other, NOW).differs == differs
    assert same.fields["head:mood"] == {
        "champion": "bad",
        "shadow": "bad",
        "champion_confidence": 0.9,
        "shadow_confidence": 0.9,
    }


def result(complaint_id: str, *differs: str, champion: str = "m", at: datetime = NOW) -> Result:
    fields = {f: {"champion": "a", "shadow": "a"} for f in ("head:a_b", "lead")}
    return Result(complaint_id, "n", champion, at, fields, {f: f not in differs for f in fields})


def test_results_add_up_in_the_store(store: Store) -> None:
    saved = entry()
    store.save(saved)
    with store.session.begin() as session:
        shadow_store.save(session, [result(saved.complaint_id, "lead"), result(saved.complaint_id)])
        shadow_store.save(session, [])
    later = NOW + timedelta(hours=1)
    with store.session.begin() as session:
        more = [
            result(saved.complaint_id, "head:a_b", at=later),
            result(saved.complaint_id, "lead", champion="other"),
        ]
        shadow_store.save(session, more)
    with store.session() as session:
        found = {(c.champion, c.field): c for c in shadow_store.counts(session, "n")}
        both = found["m", "lead"]
        assert (both.texts, both.agreed) == (3, 2)
        assert (both.first_at, both.last_at) == (NOW, later)
        assert (found["other", "lead"].texts, found["other", "lead"].agreed) == (1, 0)
        assert shadow_store.counts(session, "nobody") == []

        def differing(**wanted: Any) -> list[tuple[str, ...]]:
            page = shadow_store.page(session, Wanted("n", **wanted), 10)
            return [r.differs for _, r in page]

        assert differing() == [("lead",), ("head:a_b",), ("lead",)]
        assert differing(champion="other") == [("lead",)]
        assert differing(field="head:a_b") == [("head:a_b",)]
        assert differing(field="head:aXb") == [], "an underscore is no wildcard"
        (first, *_), after = shadow_store.page(session, Wanted("n"), 1), None
        after = first[0]
        assert differing(after=after) == [("head:a_b",), ("lead",)]
    with store.session.begin() as session:
        shadow_store.prune(session, NOW + timedelta(minutes=1))
        assert len(shadow_store.page(session, Wanted("n"), 10)) == 1
        assert len(shadow_store.counts(session, "n")) == 4


def test_two_processes_count_the_same_pair(store: Store) -> None:
    saved = entry()
    store.save(saved)

    def add() -> None:
        for _ in range(5):
            with store.session.begin() as session:
                shadow_store.save(session, [result(saved.complaint_id, "lead")])

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(add) for _ in range(3)]:
            future.result(SOON)
    with store.session() as session:
        assert {(c.texts, c.field, c.agreed) for c in shadow_store.counts(session, "n")} == {
            (15, "lead", 0),
            (15, "head:a_b", 15),
        }
