"""The engine behind HTTP: admission, deadlines, callers who leave, texts that break."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import Classifier, Floats, Prediction
from serving.api.app import create_app
from serving.api.state import State
from serving.engine.ticket import Ticket
from serving.pipeline import Pipeline
from serving.settings import Settings
from tests.engine.kit import SOON, uncollected, until
from tests.serving.conftest import entered

HOLD, POISON, DEADLY = "等一等", "毒", "死"


class Moody:
    """A classifier that waits, fails or kills its thread when a text says so."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.open = threading.Event()
        self.holding = threading.Semaphore(0)
        self.seen: list[str] = []

    @property
    def version(self) -> str:
        return self._classifier.version

    @property
    def taxonomy(self) -> Taxonomy:
        return self._classifier.taxonomy

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        self.seen.append(text.original)
        if HOLD in text.text:
            self.holding.release()
            assert self.open.wait(SOON)
        if POISON in text.text:
            raise RecursionError("客户的原话")
        if DEADLY in text.text:
            raise SystemExit
        return self._classifier.predict(text, top_k=top_k)

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        return self._classifier.logits(texts)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"workers": 2, "grace_ms": 200})


@pytest.fixture
def moody(settings: Settings) -> Iterator[Moody]:
    moody = Moody(Pipeline.open(settings).classifier)
    yield moody
    moody.open.set()


@pytest.fixture
def app(settings: Settings, moody: Moody) -> FastAPI:
    return create_app(settings, replace(Pipeline.open(settings), classifier=moody))


@pytest.fixture
def state(app: FastAPI, client: TestClient) -> State:
    found: State = app.state.suda
    found.engine.capacity.reset(100.0)
    return found


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


Send = Callable[..., "Future[Any]"]


@pytest.fixture
def send(client: TestClient, callers: ThreadPoolExecutor, moody: Moody) -> Iterator[Send]:
    """Post in a thread of its own."""

    def post(text: str, *, within: int | None = None, **fields: Any) -> Future[Any]:
        headers = {"Suda-Deadline-Ms": str(within)} if within else {}
        body = {"text": text, **fields}
        return callers.submit(client.post, "/v1/classify", json=body, headers=headers)

    yield post
    moody.open.set()


def hold_both(send: Send, moody: Moody) -> list[Future[Any]]:
    held = [send(f"{HOLD}，{i}") for i in range(2)]
    for _ in held:
        assert moody.holding.acquire(timeout=SOON)
    return held


def test_the_answer_says_where_the_time_went(client: TestClient) -> None:
    for path, body in (
        ("/v1/classify", {"text": "态度恶劣"}),
        ("/v1/classify/batch", {"items": [{"text": "态度恶劣"}]}),
    ):
        timing = client.post(path, json=body).headers["Server-Timing"]
        phases = dict(part.split(";dur=") for part in timing.split(", "))
        assert list(phases) == ["queue", "prepare", "infer", "decide", "commit"]
        assert float(phases["infer"]) > 0
        assert float(phases["commit"]) > 0


def test_what_was_answered_leaves_nothing_to_the_collector(client: TestClient) -> None:
    good, bad = {"text": "态度恶劣"}, {"text": "\u200b"}
    with uncollected():
        assert client.post("/v1/classify", json=good).status_code == 200
        assert client.post("/v1/classify", json=bad).status_code == 422
        items = client.post("/v1/classify/batch", json={"items": [good, bad]}).json()["items"]
        assert [*items[0], *items[1]] == ["decision", "replayed", "problem"]
        until(lambda: not any(isinstance(one, Ticket) for one in gc.get_objects()))


def test_beyond_the_limit_it_is_429_with_the_time_to_come_again(
    client: TestClient, state: State, moody: Moody, send: Send
) -> None:
    """At three texts in ten seconds, 70 % of a minute has room for 12: two in work, ten waiting."""
    held = hold_both(send, moody)
    state.engine.capacity.reset(0.3)
    waiting = [send(f"没人理我，{i}", within=60_000) for i in range(10)]
    until(lambda: state.engine.waiting == 10)
    one = {"text": "没人理我"}
    for path, body in (("/v1/classify", one), ("/v1/classify/batch", {"items": [one]})):
        refused = client.post(path, json=body, headers={"Suda-Deadline-Ms": "60000"})
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "4"
        assert refused.json()["code"] == "overloaded"
    assert 'suda_rejected_texts_total{reason="overloaded"} 2.0' in client.get("/metrics").text
    moody.open.set()
    assert [f.result(SOON).status_code for f in (*held, *waiting)] == [200] * 12


def test_past_its_deadline_it_is_504_and_never_runs(
    client: TestClient, state: State, moody: Moody, send: Send
) -> None:
    held = hold_both(send, moody)
    late = client.post(
        "/v1/classify", json={"text": "没人理我"}, headers={"Suda-Deadline-Ms": "50"}
    )
    assert late.status_code == 504
    assert late.json()["code"] == "deadline"
    assert late.headers["Retry-After"]
    moody.open.set()
    assert [f.result(SOON).status_code for f in held] == [200, 200]
    assert "没人理我" not in moody.seen
    assert "suda_deadline_breaches_total 1.0" in client.get("/metrics").text


def test_begun_but_not_finished_it_is_504_and_a_retry_has_the_answer(
    client: TestClient, moody: Moody, send: Send
) -> None:
    body = {"text": f"{HOLD}，没人理我", "external_id": "1"}
    slow = client.post("/v1/classify", json=body, headers={"Suda-Deadline-Ms": "20"})
    assert slow.status_code == 504
    assert "ask again" in slow.json()["detail"]
    moody.open.set()
    again = client.post("/v1/classify", json=body)
    assert again.status_code == 200
    assert client.post("/v1/classify", json=body).json() == again.json()


@pytest.mark.parametrize("value", ["0", "-1", "soon", "99999999"])
def test_a_deadline_that_is_none_is_named(client: TestClient, value: str) -> None:
    response = client.post(
        "/v1/classify", json={"text": "没人理我"}, headers={"Suda-Deadline-Ms": value}
    )
    assert response.status_code == 422
    assert "Suda-Deadline-Ms" in response.json()["errors"][0]["field"]


def test_a_caller_who_left_is_not_worked_for(
    app: FastAPI, client: TestClient, state: State, moody: Moody, send: Send
) -> None:
    held = hold_both(send, moody)
    body = orjson.dumps({"text": "谁还在等"})
    headers = {**client.headers, "content-type": "application/json"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/classify",
        "raw_path": b"/v1/classify",
        "query_string": b"",
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "server": ("test", 80),
        "client": ("test", 1),
    }
    messages = [
        {"type": "http.request", "body": body, "more_body": False},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def call() -> None:
        async def receive() -> Any:
            if len(messages) == 1:
                # The caller leaves once the work waits in the line.
                while state.engine.waiting == 0:
                    await asyncio.sleep(0.001)
            return messages.pop(0)

        async def answer(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, answer)

    assert client.portal is not None
    client.portal.call(call)
    assert state.engine.waiting == 0
    assert sent[0]["status"] == 499
    moody.open.set()
    assert [f.result(SOON).status_code for f in held] == [200, 200]
    assert "谁还在等" not in moody.seen
    assert 'suda_dropped_texts_total{reason="abandoned"} 1.0' in client.get("/metrics").text


def test_a_poisonous_text_is_its_own_problem(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    items = [{"text": "态度真好"}, {"text": f"{POISON}，坏的"}, {"text": "没人理我"}]
    answers = client.post("/v1/classify/batch", json={"items": items}).json()["items"]
    assert ["decision" in a for a in answers] == [True, False, True]
    assert answers[1]["problem"]["status"] == 500
    alone = client.post("/v1/classify", json={"text": POISON})
    assert alone.status_code == 500
    assert alone.json()["code"] == "internal"
    for said in (alone.text, orjson.dumps(answers).decode(), caplog.text):
        assert "客户的原话" not in said
    assert "RecursionError" in caplog.text
    assert client.get("/readyz").status_code == 200


def test_a_dead_thread_is_not_ready_until_it_is_replaced(
    client: TestClient, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "tend", lambda: None)
    tend = State.tend
    assert client.post("/v1/classify", json={"text": DEADLY}).status_code == 500
    until(lambda: state.engine.crew.healthy() == 1)
    unready = client.get("/readyz")
    assert unready.status_code == 503
    assert "1 of 2 threads of classify" in unready.json()["detail"]
    assert client.get("/livez").status_code == 200
    assert client.post("/v1/classify", json={"text": "没人理我"}).status_code == 200
    tend(state)
    assert client.get("/readyz").status_code == 200


def test_dead_threads_are_replaced_unasked(client: TestClient, state: State) -> None:
    for _ in range(2):
        client.post("/v1/classify", json={"text": DEADLY})
    until(lambda: client.get("/readyz").status_code == 200)
    assert client.post("/v1/classify", json={"text": "没人理我"}).status_code == 200
    assert 'suda_threads_replaced_total{crew="classify"}' in client.get("/metrics").text


def test_answers_never_change_places(
    client: TestClient, state: State, callers: ThreadPoolExecutor
) -> None:
    """Random complaints from many callers, single and in batches: each gets its own."""
    state.engine.capacity.reset(1e6)

    def caller(seed: int) -> list[str]:
        chance = random.Random(seed)  # noqa: S311
        wrong = []
        for turn in range(6):
            words = [
                (f"{seed}-{turn}-{i}", chance.choice(["态度真好", "乱扣我钱"]))
                for i in range(chance.randint(1, 6))
            ]
            sent = [{"text": f"{w}，第{n}件", "external_id": n} for n, w in words]
            if len(sent) == 1:
                got = [client.post("/v1/classify", json=sent[0]).json()]
            else:
                items = client.post("/v1/classify/batch", json={"items": sent}).json()["items"]
                got = [item["decision"] for item in items]
            for (number, word), answer in zip(words, got, strict=True):
                right = "good" if word == "态度真好" else "bad"
                if (answer["external_id"], answer["labels"]["mood"]["code"]) != (number, right):
                    wrong.append(number)
        return wrong

    results = [callers.submit(caller, seed) for seed in range(8)]
    assert [f.result(60) for f in results] == [[]] * 8


def test_the_cache_answers_alike_and_is_counted(settings: Settings) -> None:
    cached = settings.model_copy(update={"cache_texts": 100})
    with entered(create_app(cached)) as client:
        first, second = (
            client.post("/v1/classify", json={"text": "没人理我"}).json() for _ in range(2)
        )
        assert first["complaint_id"] != second["complaint_id"]
        assert first["labels"] == second["labels"]
        hits = [m for m in client.get("/metrics").text.splitlines() if "cache_hits" in m]
    assert hits[-1] == "suda_cache_hits 1.0"
