"""A share of complaints goes to a challenger: which, how many, and until when."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from data.records import Complaint
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import Classifier, Floats, Prediction
from serving.intake import Received
from serving.models.canary import Canary, place
from serving.models.follow import Follower
from serving.models.intervals import difference, wilson
from serving.models.switchboard import Switchboard
from serving.models.tally import Limits, Side, worse
from serving.repeats import Repeats
from serving.store.entry import Entry, Saved
from serving.telemetry.logs import JsonFormatter
from tests.engine.kit import until
from tests.models.kit import BAD, GOOD, Ask, Models

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def complaint(n: int, text: str = BAD) -> Complaint:
    return Complaint(text, NOW, external_id=str(n), source="app")


def begin(client: TestClient, version: str, share: float = 0.5) -> None:
    wish = {"version": version, "share": share, "why": "try", "force": True}
    response = client.put("/v1/models/canary", json=wish)
    assert response.status_code == 200, response.text


def test_the_share_is_kept_whatever_identifies_a_complaint() -> None:
    n = 20_000
    for named in (True, False):
        places = [
            place(complaint(i) if named else Complaint(f"{BAD}{i}", NOW), "m") for i in range(n)
        ]
        for share in (0.01, 0.1, 0.5):
            hits = sum(found < share for found in places)
            found = wilson(hits, n, z=4.0)
            assert found is not None
            assert found.low <= share <= found.high


def test_the_same_complaint_goes_to_the_same_side() -> None:
    assert place(complaint(1), "m") == place(complaint(1, "别的话"), "m")
    assert place(complaint(1), "m") != place(complaint(2), "m")
    assert place(Complaint(BAD, NOW), "m") == place(Complaint(BAD, NOW, branch="城东"), "m")
    # A larger share keeps those of a smaller one; another canary draws others.
    some = [i for i in range(500) if place(complaint(i), "m") < 0.1]
    assert all(place(complaint(i), "m") < 0.3 for i in some)
    assert [i for i in range(500) if place(complaint(i), "n") < 0.1] != some


def test_each_decision_names_who_made_it(
    client: TestClient, models: Models, board: Switchboard, ask: Ask
) -> None:
    begin(client, models.inverted, 0.4)
    trial = board.lineup.trial
    assert trial is not None
    sides = {True: 0, False: 0}
    for n in range(60):
        text = f"{GOOD if n % 2 else BAD}，{n}"
        answer = ask(text, source="app", external_id=str(n))
        version = answer["versions"]["model"]
        taken = trial.canary.takes(complaint(n))
        sides[taken] += 1
        assert version == (models.inverted if taken else models.plain)
        assert answer["labels"]["mood"]["leaf"] == models.label(version, text)
        again = client.post(
            "/v1/classify", json={"text": text, "source": "app", "external_id": str(n)}
        )
        assert again.json() == answer
    assert min(sides.values()) > 5
    metrics = client.get("/metrics").text
    assert f'suda_model_decisions_total{{model="{models.inverted}"}} {sides[True]}.0' in metrics
    assert f'suda_model_seconds_count{{model="{models.plain}"}} {sides[False]}.0' in metrics
    assert "suda_canary_share 0.4" in metrics
    canary = client.get("/v1/models").json()["canary"]
    assert canary["figures"]["texts"] == sides[True]
    assert client.delete("/v1/models/canary").json()["canary"] is None
    assert ask(BAD, external_id="x")["versions"]["model"] == models.plain
    assert models.registry.state().canary is None


class Broken:
    """A classifier that fails on every text."""

    def __init__(self, inner: Classifier) -> None:
        self._inner = inner

    @property
    def version(self) -> str:
        return self._inner.version

    @property
    def taxonomy(self) -> Taxonomy:
        return self._inner.taxonomy

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        raise RecursionError

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        return self._inner.logits(texts)


def breaks(board: Switchboard) -> None:
    """From now on the canary fails on every text."""
    trial = board.lineup.trial
    assert trial is not None
    bare = replace(trial.served.bare, classifier=Broken(trial.served.bare.classifier))
    broken = replace(trial.served, bare=bare, pipeline=bare)
    board.place(replace(board.lineup, trial=replace(trial, served=broken)))


@contextmanager
def logged() -> Iterator[list[str | None]]:
    """The model that each request's log line names."""
    named: list[str | None] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # As a line is written: with what is known of the request by then.
            named.append(orjson.loads(JsonFormatter().format(record)).get("model"))

    listener, heard = Listener(), logging.getLogger("suda.requests")
    level = heard.level
    heard.setLevel(logging.INFO)
    heard.addHandler(listener)
    try:
        yield named
    finally:
        heard.removeHandler(listener)
        heard.setLevel(level)


def test_the_log_names_who_decided(client: TestClient, models: Models) -> None:
    texts = [{"text": f"{BAD}，{n}", "source": "app", "external_id": str(n)} for n in range(12)]
    begin(client, models.inverted)
    with logged() as named:
        answers = [client.post("/v1/classify", json=text).json() for text in texts]
        begin(client, models.inverted, 0.0001)
        for text in texts:
            client.post("/v1/classify", json=text)
        client.post("/v1/classify/batch", json={"items": texts})
        client.post("/v1/classify", json={"text": "，"})
    decided = [answer["versions"]["model"] for answer in answers]
    assert set(decided) == {models.plain, models.inverted}
    # A repeat names who decided then; where nobody did, who would have.
    both = ", ".join(sorted({models.plain, models.inverted}))
    assert named == [*decided, models.plain, *decided, both, models.plain]


def test_what_a_canary_fails_on_the_champion_answers_and_it_ends(
    client: TestClient, models: Models, board: Switchboard, ask: Ask
) -> None:
    board.settings = board.settings.model_copy(update={"canary_min_n": 10})
    begin(client, models.inverted)
    breaks(board)
    follower = Follower(board)
    follower.turn()
    assert board.lineup.trial is not None
    for n in range(60):
        assert ask(f"{BAD}，{n}")["versions"]["model"] == models.plain
    assert board.tally.side(models.inverted).failures > 10
    follower.turn()
    assert board.lineup.trial is None
    assert models.registry.state().canary is None
    ended = models.registry.log.entries()[-1]
    assert (ended.who, ended.action, ended.after) == ("suda", "canary", None)
    assert "fails on 100.0%" in ended.why
    (entry,) = client.get("/v1/audit", params={"action": "model.canary_failed"}).json()["items"]
    assert entry["actor"] == "suda"
    metrics = client.get("/metrics").text
    assert "suda_canaries_ended_total 1.0" in metrics
    assert f'suda_model_failures_total{{model="{models.inverted}"}}' in metrics
    follower.turn()
    assert board.lineup.trial is None


def test_those_decided_together_go_to_their_own_side_and_back(
    client: TestClient, models: Models, board: Switchboard
) -> None:
    begin(client, models.inverted)
    trial = board.lineup.trial
    assert trial is not None
    canary = trial.canary
    app: Any = client.app

    def answered_by() -> list[str]:
        received = [Received(complaint(n), str(n), None) for n in range(40)]
        begun = replace(app.state.suda.intake, repeats=Repeats()).begin_all(received)
        outcomes = [one.result() for one in begun if isinstance(one, Future)]
        assert len(outcomes) == 40
        return [orjson.loads(saved.body)["versions"]["model"] for saved in outcomes]

    app.state.suda.intake.committer.submit = _unsaved
    sides = [models.inverted if canary.takes(complaint(n)) else models.plain for n in range(40)]
    assert len(set(sides)) == 2
    assert answered_by() == sides
    breaks(board)
    assert answered_by() == [models.plain] * 40
    assert board.tally.side(models.inverted).failures == sides.count(models.inverted)


def _unsaved(entry: Entry) -> Future[Saved]:
    future: Future[Saved] = Future()
    future.set_result(Saved(entry.body, replayed=False))
    return future


def test_it_ends_although_the_registry_cannot_be_told(
    client: TestClient,
    models: Models,
    board: Switchboard,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board.settings = board.settings.model_copy(update={"canary_min_n": 10})
    begin(client, models.inverted)
    breaks(board)
    for n in range(60):
        ask(f"{BAD}，{n}")

    def readonly(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("model.registry.log.PromotionLog.append", readonly)
    follower = Follower(board)
    follower.turn()
    follower.turn()
    assert models.registry.state().canary == models.inverted
    assert board.lineup.trial is None


def test_where_it_is_not_to_be_watched_it_goes_on(
    client: TestClient, models: Models, board: Switchboard, ask: Ask
) -> None:
    changes = {"canary_min_n": 10, "canary_watch": False}
    board.settings = board.settings.model_copy(update=changes)
    begin(client, models.inverted)
    breaks(board)
    for n in range(60):
        ask(f"{BAD}，{n}")
    Follower(board).turn()
    assert board.lineup.trial is not None


def test_another_champion_ends_it(client: TestClient, models: Models, board: Switchboard) -> None:
    begin(client, models.inverted)
    body = {"why": "test", "force": True}
    assert client.post(f"/v1/models/{models.warm}/activate", json=body).json()["canary"] is None
    Follower(board).turn()
    assert board.lineup.trial is None
    until(lambda: board.held() == 1)
    # The canary of before, now champion, needs no second load.
    begin(client, models.inverted)
    client.post(f"/v1/models/{models.inverted}/activate", json=body)
    assert (board.lineup.champion.version, board.lineup.trial) == (models.inverted, None)


def test_the_champion_is_no_canary_and_half_is_the_most(
    client: TestClient, models: Models, board: Switchboard
) -> None:
    wish = {"version": models.plain, "share": 0.1, "why": "try", "force": True}
    assert client.put("/v1/models/canary", json=wish).status_code == 409
    for share in (0, 0.6, 1, -1):
        other = {**wish, "version": models.warm, "share": share}
        response = client.put("/v1/models/canary", json=other)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "share"
    assert board.lineup.trial is None


def side(texts: int, failures: int = 0, reviews: int = 0) -> Side:
    return Side(texts, failures, reviews)


def test_it_is_judged_by_intervals_and_not_before_there_is_enough() -> None:
    limits = Limits(margin=0.05, min_n=200)
    assert worse(side(199, 199), side(5_000), limits) is None
    assert worse(side(5_000, 5_000), side(199), limits) is None
    assert worse(side(300, 2), side(3_000), limits) is None
    assert worse(side(300, 0, 100), side(3_000, 0, 900), limits) is None
    assert "fails on" in str(worse(side(300, 60), side(3_000), limits))
    said = worse(side(1_000, 0, 480), side(9_000, 0, 2_700), limits)
    assert "sends to review 18.0% [" in str(said)


def test_one_that_is_as_good_is_hardly_ever_ended() -> None:
    """Looked at 50 times in each of 400 runs, with the champion's own rate of 30 %."""
    draw = random.Random(7)  # noqa: S311 - the same draws each time, nothing secret
    limits = Limits(margin=0.0, min_n=200)
    ended = 0
    for _ in range(400):
        canary = champion = Side()
        for _ in range(50):
            hits = sum(draw.random() < 0.3 for _ in range(20))
            canary = Side(canary.texts + 20, 0, canary.reviews + hits)
            hits = sum(draw.random() < 0.3 for _ in range(60))
            champion = Side(champion.texts + 60, 0, champion.reviews + hits)
            if worse(canary, champion, limits):
                ended += 1
                break
    assert ended <= 8


def test_intervals_against_published_figures() -> None:
    """Newcombe 1998, table II: 56/70 and 48/80, 10/10 and 0/10 by method 10."""
    found = difference((56, 70), (48, 80))
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    found = difference((10, 10), (0, 10))
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.6075, 1.0)
    single = wilson(81, 263)
    assert single is not None
    assert (round(single.low, 4), round(single.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) is None
    assert difference((0, 0), (1, 2)) is None


def test_a_canary_takes_none_or_all_at_the_ends(board: Switchboard) -> None:
    pipeline = board.lineup.champion.pipeline
    assert not any(Canary(pipeline, 0.0).takes(complaint(i)) for i in range(100))
    assert all(Canary(pipeline, 1.0).takes(complaint(i)) for i in range(100))
