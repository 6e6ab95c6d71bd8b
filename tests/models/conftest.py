"""A service over a registry of toy models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.api.state import State
from serving.models.switchboard import Switchboard
from serving.settings import Settings
from tests.conftest import Fit, mood_texts, two_labels
from tests.models.kit import Ask, Held, Models, made
from tests.serving.conftest import entered


@pytest.fixture(scope="session")
def inverted_bundle(fit: Fit) -> Path:
    """A bundle that was taught the contrary of everything."""
    taxonomy, raw = two_labels()
    other = {"good": "bad", "bad": "good"}
    texts = [replace(t, labels={"mood": other[t.labels["mood"]]}) for t in mood_texts()]
    return fit(taxonomy, raw, texts)


@pytest.fixture
def models(mood_bundle: Path, inverted_bundle: Path, tmp_path: Path) -> Models:
    return made(tmp_path, mood_bundle, inverted_bundle)


@pytest.fixture
def settings(models: Models, tmp_path: Path) -> Settings:
    return Settings(
        registry=models.registry.path,
        database_url=f"sqlite:///{tmp_path}/store/suda.sqlite3",
        deadline_ms=60_000,
        batch_deadline_ms=60_000,
        # The tests say themselves when it is time to look.
        registry_seconds=3600,
        drift_minutes=0,
        workers=2,
    )


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with entered(app) as client:
        yield client


@pytest.fixture
def state(app: FastAPI, client: TestClient) -> State:
    found: State = app.state.suda
    return found


@pytest.fixture
def board(state: State) -> Switchboard:
    return state.models


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """Send a complaint; the decision."""

    def send(text: str, **fields: str) -> dict[str, object]:
        response = client.post("/v1/classify", json={"text": text, **fields})
        assert response.status_code == 200, response.text
        answer: dict[str, object] = response.json()
        return answer

    return send


@pytest.fixture
def held_classifier(state: State, board: Switchboard) -> Iterator[Callable[[], Held]]:
    """From now on the champion waits until it is let go."""
    made: list[Held] = []

    def hold() -> Held:
        held = Held(board.lineup.champion.bare.classifier)
        made.append(held)
        pipeline = replace(state.intake.pipeline, classifier=held)
        state.intake = replace(state.intake, pipeline=pipeline)
        return held

    yield hold
    for held in made:
        held.open.set()
