"""The service on worker processes."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from model.classifier import Prediction
from serving.api.app import create_app
from serving.api.state import State
from serving.pipeline import Outcome
from serving.settings import Settings
from serving.triage.policy import packs_for
from serving.workers.pool import Pool
from tests.engine.kit import until

BODY = {"text": "态度恶劣，没人理我"}


@pytest.fixture
def settings(mood_bundle: Path, tmp_path: Path) -> Settings:
    """One worker process."""
    return Settings(
        bundle=mood_bundle,
        database_url=f"sqlite:///{tmp_path}/suda.sqlite3",
        auth="off",
        processes=1,
        workers=1,
        registry=tmp_path / "registry",
    )


def test_workers_decide_by_the_policies_that_hold(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings)
    with TestClient(app) as client:
        state: State = app.state.suda
        workers = CountingWorkers(state.processes)
        state.intake.pipeline.classifier._workers = workers  # type: ignore[attr-defined]
        before = client.post("/v1/classify", json=BODY).json()
        pack = Path(shutil.copytree(packs_for(state.intake.pipeline.taxonomy), tmp_path / "packs"))
        with (pack / "review.yaml").open("a", encoding="utf-8") as file:
            file.write("\n# another\n")
        state.models.reload_policy(pack, who="李", why="stricter")
        tested = workers.decided
        after = client.post("/v1/classify", json=BODY).json()
    assert workers.decided == tested + 1
    assert after["versions"]["policy"] != before["versions"]["policy"]
    assert after["labels"] == before["labels"]


class CountingWorkers:
    """Those of a pool, and how many complaints they decided as a whole."""

    def __init__(self, inner: Pool) -> None:
        self._inner = inner
        self.decided = 0
        self.most = 0

    def predict(self, *given: Any) -> Prediction | None:
        return self._inner.predict(*given)

    def decide(self, *given: Any) -> list[Outcome | Exception] | None:
        outcomes = self._inner.decide(*given)
        self.decided += len(outcomes or ())
        self.most = max(self.most, len(outcomes or ()))
        return outcomes


@pytest.mark.parametrize("most", [1, 3])
def test_those_in_line_are_decided_together_each_as_it_would_be_alone(
    settings: Settings, most: int
) -> None:
    app = create_app(settings.model_copy(update={"max_together": most}))
    texts = ["态度恶劣，没人理我", "态度真好", "\u200b", *(f"还行吧，{n}" for n in range(9))]
    with TestClient(app) as client:
        state: State = app.state.suda
        alone = [client.post("/v1/classify", json={"text": text}).json() for text in texts]
        workers = CountingWorkers(state.processes)
        state.intake.pipeline.classifier._workers = workers  # type: ignore[attr-defined]
        items = [{"text": text} for text in texts]
        together = client.post("/v1/classify/batch", json={"items": items}).json()["items"]
    assert workers.most == most
    assert workers.decided == len(texts)
    wordless = together.pop(2)["problem"]
    assert wordless["code"] == alone.pop(2)["code"]
    assert [item["decision"]["labels"] for item in together] == [one["labels"] for one in alone]
    assert len({item["decision"]["complaint_id"] for item in together}) == len(together)


def test_complaints_are_answered_whatever_becomes_of_the_worker(settings: Settings) -> None:
    app = create_app(settings)
    with TestClient(app) as client:
        state: State = app.state.suda
        assert state.processes.healthy() == 1
        first = client.post("/v1/classify", json=BODY).json()["labels"]
        link = state.processes._seats[0].link
        assert link is not None
        os.kill(link.pid, signal.SIGKILL)
        # Until it has been waited for: its first thread is a zombie while the others still end.
        until(lambda: not link.alive)
        assert client.post("/v1/classify", json=BODY).json()["labels"] == first
        assert client.get("/readyz").status_code == 200
        until(lambda: state.processes.healthy() == 1)
        assert client.post("/v1/classify", json=BODY).json()["labels"] == first
        shown = client.get("/metrics").text
    assert 'suda_threads_wanted{crew="processes"} 1.0' in shown
    assert 'suda_threads_replaced_total{crew="processes"} 1.0' in shown
    assert state.processes.healthy() == 0
