from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from serving.api.app import create_app
from serving.settings import Settings
from serving.telemetry.metrics import Metrics
from tests.serving.conftest import entered


@pytest.fixture(scope="module")
def client(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    store = tmp_path_factory.mktemp("metrics") / "suda.sqlite3"
    settings = Settings(
        bundle=mood_bundle, database_url=f"sqlite:///{store}", deadline_ms=60_000, workers=2
    )
    with entered(create_app(settings)) as client:
        yield client


def read(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    text = client.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(client: TestClient, name: str, **labels: str) -> float:
    return read(client).get((name, tuple(sorted(labels.items()))), 0.0)


def test_what_is_decided_is_counted_once(client: TestClient) -> None:
    before = read(client)
    body = {"text": "态度恶劣，没人理我", "external_id": "1"}
    client.post("/v1/classify", json=body)
    client.post("/v1/classify", json=body)
    after = read(client)

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after.get(key, 0.0) - before.get(key, 0.0)

    assert grown("suda_decisions_total") == 1
    assert grown("suda_predictions_total", head="mood", label="bad") == 1
    assert grown("suda_confidence_count", head="mood") == 1
    assert grown("suda_unknown_rate_count") == 1
    assert grown("suda_group_texts_count") == 1
    for phase in ("prepare", "infer", "decide", "commit"):
        assert grown("suda_phase_seconds_count", phase=phase) == 1
    assert grown("suda_phase_seconds_count", phase="queue") == 2
    assert grown("suda_requests_total", method="POST", route="/v1/classify", status="200") == 2


def test_truncation_and_unknown_words_show(client: TestClient) -> None:
    before = value(client, "suda_truncated_total")
    client.post("/v1/classify", json={"text": "没人理我" * 2_000})
    assert value(client, "suda_truncated_total") == before + 1


def test_failures_are_counted_by_kind(client: TestClient) -> None:
    before = value(client, "suda_failed_texts_total")
    assert client.post("/v1/classify", json={"text": " "}).status_code == 422
    assert value(client, "suda_failed_texts_total") == before + 1


def test_unknown_paths_do_not_make_new_series(client: TestClient) -> None:
    for i in range(5):
        client.get(f"/nothing/{i}")
    routes = {
        dict(labels)["route"] for name, labels in read(client) if name == "suda_requests_total"
    }
    assert "unmatched" in routes
    assert not any("nothing" in route for route in routes)


def test_the_state_of_the_engine_shows(client: TestClient) -> None:
    assert value(client, "suda_ready") == 1
    assert value(client, "suda_threads_healthy", crew="classify") == 2
    assert value(client, "suda_threads_wanted", crew="commit") == 1
    assert value(client, "suda_capacity_texts_per_second") > 0
    assert value(client, "suda_queue_limit_texts") >= 2
    assert value(client, "suda_queue_texts") == 0
    (info,) = [dict(labels) for name, labels in read(client) if name == "suda_model_info"]
    assert info["model"].startswith("linear-")
    assert {"model", "taxonomy", "policy"} == set(info)


def test_another_model_replaces_the_one_before() -> None:
    metrics = Metrics()
    metrics.serves("one", "t", "p")
    metrics.serves("two", "t", "p")
    text = metrics.text().decode()
    assert 'model="two"' in text
    assert 'model="one"' not in text


def test_two_applications_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.decisions.inc()
    assert "suda_decisions_total 1.0" in one.text().decode()
    assert "suda_decisions_total 0.0" in other.text().decode()
