"""What may not serve does not, what served goes on, and it is said why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from data.text.normalise import normalise
from model import golden
from model.golden import texts_of
from model.runtime import load
from serving.api.state import State
from serving.models import orders
from serving.models.orders import Order
from serving.models.switchboard import Switchboard
from tests.models.kit import BAD, Models, rewritten, without_numbers


def activate(client: TestClient, version: str, **body: Any) -> Any:
    wish = {"why": "test", "force": True, **body}
    return client.post(f"/v1/models/{version}/activate", json=wish)


def refused(client: TestClient, models: Models, board: Switchboard, version: str) -> str:
    """Activate in vain; why. Nothing has changed, in the service and in the registry."""
    before = board.lineup
    response = activate(client, version)
    assert response.status_code == 409, response.text
    assert board.lineup is before
    assert models.registry.champion == models.plain
    assert client.post("/v1/classify", json={"text": BAD}).json()["versions"]["model"] == (
        models.plain
    )
    return str(response.json()["detail"])


def test_a_damaged_bundle(client: TestClient, models: Models, board: Switchboard) -> None:
    models.damage(models.inverted)
    said = refused(client, models, board, models.inverted)
    assert "load: " in said
    assert "vocabulary.txt has checksum" in said
    overview = client.get("/v1/models").json()
    assert overview["fault"]["model"] == models.inverted
    assert 'suda_model_swaps_total{outcome="refused"} 1.0' in client.get("/metrics").text
    (entry,) = client.get("/v1/audit", params={"action": "model.refused"}).json()["items"]
    assert "vocabulary.txt" in entry["details"]
    assert activate(client, models.warm).json()["fault"] is None


def test_a_bundle_of_another_taxonomy(
    client: TestClient, models: Models, board: Switchboard, tree_bundle: Path
) -> None:
    said = refused(client, models, board, models.add(tree_bundle))
    assert "taxonomy: its labels (trees@1" in said
    assert "restart" in said


def test_a_bundle_whose_answers_are_no_numbers(
    client: TestClient, models: Models, board: Switchboard, mood_bundle: Path, tmp_path: Path
) -> None:
    version = models.add(without_numbers(mood_bundle, tmp_path / "nan"))
    assert "self-test: text 1: mood: " in refused(client, models, board, version)


def test_recorded_answers_are_held_to(
    client: TestClient, models: Models, board: Switchboard, mood_bundle: Path, tmp_path: Path
) -> None:
    """What another model recorded is not what this one says; its own record is."""
    path = models.registry.path / "versions"
    texts = [BAD, "办事很快，服务周到，就这样", *texts_of(board.lineup.champion.bare.taxonomy)]
    others = golden.record(load(path / models.inverted), texts)
    its_own = golden.record(load(path / models.plain), texts)
    wrong = models.add(rewritten(mood_bundle, tmp_path / "w", files={golden.FILE: others}))
    right = models.add(rewritten(mood_bundle, tmp_path / "r", files={golden.FILE: its_own}))
    said = refused(client, models, board, wrong)
    assert "self-test: not what the bundle recorded: mood " in said
    assert BAD not in said
    assert activate(client, right).status_code == 200


def test_a_record_that_is_none(
    client: TestClient, models: Models, board: Switchboard, mood_bundle: Path, tmp_path: Path
) -> None:
    path = rewritten(mood_bundle, tmp_path / "g", files={golden.FILE: b'[{"answers": 1}]'})
    assert "load: " in refused(client, models, board, models.add(path))


def test_the_suite_s_word_counts(client: TestClient, models: Models) -> None:
    response = activate(client, models.inverted, force=False)
    assert response.status_code == 409
    assert "the suite has not been run on it" in response.json()["detail"]
    canary = {"version": models.inverted, "share": 0.1, "why": "try"}
    assert client.put("/v1/models/canary", json=canary).status_code == 409


def test_a_version_nobody_registered(client: TestClient) -> None:
    assert activate(client, "linear-0").status_code == 404
    body = {"version": "linear-0", "why": "test"}
    assert client.put("/v1/models/shadow", json=body).status_code == 404


def test_a_registry_that_cannot_be_written(
    client: TestClient, models: Models, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.registry.log.PromotionLog.append", full)
    said = refused(client, models, board, models.inverted)
    assert said.endswith("registry: cannot be written: No space left on device")


def test_killed_between_the_log_and_the_seat(
    client: TestClient, models: Models, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the log has it, the next start serves it; before that, the old one. Never neither."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("model.registry.log.PromotionLog.append", killed)
    with pytest.raises(KeyboardInterrupt):
        orders.activate(board, models.inverted, Order("tests", "test", force=True))
    monkeypatch.undo()
    assert models.registry.champion == models.plain == board.lineup.champion.version
    # The lock of changes is free again.
    assert activate(client, models.inverted).status_code == 200


def test_a_start_refuses_what_a_swap_would(models: Models, state: State) -> None:
    from serving.models.errors import ModelRefusedError
    from serving.models.startup import champion
    from serving.workers.pool import Pool

    path = models.registry.path / "versions" / models.plain
    others = golden.record(load(models.registry.path / "versions" / models.inverted), [BAD])
    target = models.registry.path / "apart"
    rewritten(path, target, files={golden.FILE: others})
    with pytest.raises(ModelRefusedError, match="not what the bundle recorded"):
        champion(state.settings.model_copy(update={"bundle": target}), Pool(0))
    shutil.rmtree(target)


def test_answers_are_faulted_one_by_one(models: Models, board: Switchboard) -> None:
    from dataclasses import replace

    import numpy as np

    from serving.models.selftest import faults

    classifier = board.lineup.champion.bare.classifier
    sound = classifier.predict(normalise(BAD))
    head = sound.heads["mood"]
    assert faults(sound, classifier.taxonomy) == []
    for name, broken in {
        "not finite": replace(head, probabilities=np.array([0.9, 0.3], dtype=np.float32)),
        "expected 2": replace(head, probabilities=np.array([1.0], dtype=np.float32)),
        "none of its labels": replace(head, code="nobody"),
        "confidence": replace(head, confidence=float("nan")),
    }.items():
        (said,) = faults(replace(sound, heads={"mood": broken}), classifier.taxonomy)
        assert name in said
    assert faults(replace(sound, heads={}), classifier.taxonomy) == ["mood is not answered"]
    assert len(faults(replace(sound, unknown_rate=2.0, novelty=float("inf")),
                      classifier.taxonomy)) == 2  # fmt: skip
