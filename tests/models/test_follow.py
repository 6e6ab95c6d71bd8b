"""What another process tells the registry is done here too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.api.state import State
from serving.models.follow import AGAIN, Follower
from serving.models.startup import GIVEN, PINNED
from serving.models.switchboard import Switchboard
from serving.pipeline import Pipeline
from serving.settings import Settings
from tests.engine.kit import until
from tests.models.kit import BAD, Ask, Models
from tests.serving.conftest import entered


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def follower(board: Switchboard, clock: Clock) -> Follower:
    found = Follower(board, clock=clock)
    found.turn()
    return found


def promote(models: Models, version: str) -> None:
    models.registry.promote(version, who="李", why="elsewhere", force=True)


def test_a_promotion_elsewhere_is_followed(
    client: TestClient, follower: Follower, models: Models, ask: Ask
) -> None:
    promote(models, models.inverted)
    assert ask(BAD)["versions"]["model"] == models.plain
    follower.turn()
    answer = ask(BAD, external_id="2")
    assert answer["versions"]["model"] == models.inverted
    assert client.get("/readyz").json()["model"] == models.inverted
    overview = client.get("/v1/models").json()
    assert overview["serving"]["promoted_at"] is not None
    assert overview["log"][0]["who"] == "李"
    models.registry.rollback(who="李", why="worse")
    follower.turn()
    assert ask(BAD, external_id="3")["versions"]["model"] == models.plain


def test_it_looks_by_itself(settings: Settings, models: Models) -> None:
    app = create_app(settings.model_copy(update={"registry_seconds": 0.05}))
    with entered(app):
        board: Switchboard = app.state.suda.models
        promote(models, models.inverted)
        until(lambda: board.lineup.champion.version == models.inverted)
        models.registry.shadow(models.warm, who="李", why="look")
        until(lambda: board.lineup.shadow is not None)


def test_two_services_over_one_registry_agree(
    client: TestClient, settings: Settings, models: Models, tmp_path: Path
) -> None:
    other = create_app(
        settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/other.sqlite3"})
    )
    with entered(other):
        follower = Follower(other.state.suda.models)
        body = {"why": "here", "force": True}
        client.post(f"/v1/models/{models.inverted}/activate", json=body)
        canary = {"version": models.plain, "share": 0.25, "why": "try", "force": True}
        assert client.put("/v1/models/canary", json=canary).status_code == 200
        follower.turn()
        lineup = other.state.suda.models.lineup
        assert lineup.champion.version == models.inverted
        assert lineup.trial is not None
        assert (lineup.trial.served.version, lineup.trial.share) == (models.plain, 0.25)
        client.post("/v1/models/rollback", json={"why": "back"})
        follower.turn()
        lineup = other.state.suda.models.lineup
        assert (lineup.champion.version, lineup.trial) == (models.plain, None)


def test_what_cannot_be_let_in_is_told_once_and_tried_again(
    client: TestClient, follower: Follower, models: Models, board: Switchboard, clock: Clock
) -> None:
    path = models.registry.path / "versions" / models.inverted / "vocabulary.txt"
    whole = path.read_bytes()
    promote(models, models.inverted)
    models.damage(models.inverted)
    for _ in range(3):
        follower.turn()
        clock.now += AGAIN / 4
    assert board.lineup.champion.version == models.plain
    assert client.get("/readyz").status_code == 200
    assert board.fault is not None
    assert "vocabulary.txt has checksum" in board.fault.message
    clock.now += AGAIN
    follower.turn()
    found = client.get("/v1/audit", params={"action": "model.refused"}).json()["items"]
    assert len(found) == 1
    path.write_bytes(whole)
    follower.turn()
    assert board.lineup.champion.version == models.plain, "not before its time"
    clock.now += AGAIN
    follower.turn()
    assert board.lineup.champion.version == models.inverted
    assert board.fault is None


def test_a_registry_that_is_gone_or_changed_changes_nothing(
    follower: Follower, models: Models, board: Switchboard, ask: Ask
) -> None:
    log = models.registry.log.path
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b'"first"', b'"other"'))
    follower.turn()
    assert board.fault is not None
    assert "was changed" in board.fault.message
    os.rename(log, log.with_suffix(".away"))  # noqa: PTH104
    follower.turn()
    assert ask(BAD)["versions"]["model"] == models.plain


def test_a_canary_and_a_shadow_of_the_registry_are_there_after_a_start(
    settings: Settings, models: Models
) -> None:
    models.registry.shadow(models.warm, who="李", why="look")
    models.registry.canary(models.inverted, 0.3, who="李", why="try", force=True)
    app = create_app(settings)
    with entered(app) as client:
        overview = client.get("/v1/models").json()
        assert overview["shadow"]["version"] == models.warm
        assert overview["canary"]["version"] == models.inverted
        assert overview["in_memory"] == 3
        models.registry.canary(models.warm, 0.4, who="李", why="other", force=True)
        Follower(app.state.suda.models).turn()
        canary = client.get("/v1/models").json()["canary"]
        assert (canary["version"], canary["share"]) == (models.warm, 0.4)
        models.registry.canary(models.inverted, 0.3, who="李", why="again", force=True)
        models.damage(models.inverted)
        Follower(app.state.suda.models).turn()
        assert client.get("/v1/models").json()["canary"] is None, "the old one ends all the same"


@pytest.fixture
def fixed(settings: Settings, mood_bundle: Path) -> Iterator[TestClient]:
    with entered(create_app(settings.model_copy(update={"bundle": mood_bundle}))) as client:
        yield client


def test_a_bundle_fixed_by_a_setting_stays(fixed: TestClient, models: Models) -> None:
    change = {"why": "test", "force": True}
    calls = (
        fixed.post(f"/v1/models/{models.inverted}/activate", json=change),
        fixed.post("/v1/models/rollback", json={"why": "test"}),
        fixed.put("/v1/models/shadow", json={"version": models.warm, "why": "test"}),
        fixed.put("/v1/models/canary", json={"version": models.warm, "share": 0.1, **change}),
        fixed.delete("/v1/models/canary"),
    )
    for response in calls:
        assert response.status_code == 409
        assert response.json()["code"] == "model_pinned"
        assert "SUDA_BUNDLE" in response.json()["detail"]
    assert fixed.get("/v1/models").json()["pinned"] == PINNED
    state: State = fixed.app.state.suda  # type: ignore[attr-defined]
    promote(models, models.inverted)
    Follower(state.models).turn()
    assert state.models.lineup.champion.version == models.plain


def test_a_pipeline_handed_over_stays(settings: Settings, models: Models) -> None:
    app = create_app(settings, Pipeline.open(settings))
    with entered(app) as client:
        assert client.get("/v1/models").json()["pinned"] == GIVEN
