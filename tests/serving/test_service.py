"""The service around the classify endpoint: health, limits, taxonomy, start-up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from data.errors import BundleError, InputError
from data.taxonomy.load import DEFAULT_PATH
from serving.api.app import create_app
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store.database import connect
from tests.serving.conftest import entered


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["model"].startswith("linear-")


def test_not_ready_before_start_up_and_without_a_database(app: FastAPI) -> None:
    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.post("/v1/classify", json={"text": "x"}).status_code == 503


def test_the_taxonomy_is_the_bundle_s(client: TestClient, shipped: TestClient) -> None:
    heads = client.get("/v1/taxonomy").json()["heads"]
    assert [head["name"] for head in heads] == ["mood"]
    jrt = shipped.get("/v1/taxonomy").json()
    product = next(head for head in jrt["heads"] if head["name"] == "product")
    leaf = next(label for label in product["labels"] if label["code"] == "B03022")
    assert leaf["path"] == ["B03", "B0302", "B03022"]
    assert leaf["definition"]
    assert leaf["examples"]
    assert "nfra" in {code["code"] for code in jrt["fields"]["source"]["codes"]}


def test_bodies_over_the_limit_are_refused(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"max_body_bytes": 2_000}))
    with entered(app) as client:
        response = client.post("/v1/classify", json={"text": "长" * 3_000})
        assert response.status_code == 413
        assert response.json()["errors"][0]["field"] == "body"

        def chunks() -> object:
            for _ in range(10):
                yield b" " * 500

        streamed = client.post("/v1/classify", content=chunks())  # type: ignore[arg-type]
        assert streamed.status_code == 413


def test_a_damaged_bundle_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    broken = settings.model_copy(update={"bundle": tmp_path})
    with pytest.raises(BundleError, match=r"manifest\.json"), TestClient(create_app(broken)):
        pass


def test_a_bad_database_url_is_named(settings: Settings) -> None:
    with pytest.raises(InputError, match="SUDA_DATABASE_URL"):
        connect("no such thing")


def test_answers_outlive_the_process(settings: Settings) -> None:
    with entered(create_app(settings)) as client:
        first = client.post("/v1/classify", json={"text": "没人理我", "external_id": "1"}).json()
    with entered(create_app(settings)) as client:
        again = client.post("/v1/classify", json={"text": "没人理我", "external_id": "1"}).json()
    assert first == again


def test_the_store_commits_to_disk(settings: Settings) -> None:
    engine = connect(settings.database_url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_official_codes_are_answered_where_laid_over(tmp_path: Path) -> None:
    import yaml

    document = yaml.safe_load(DEFAULT_PATH.read_bytes())
    for label in document["heads"][1]["labels"]:
        label["official"] = "X" + label["code"]
    path = tmp_path / "licensed.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    pipeline = Pipeline.open(Settings(taxonomy=path))
    from datetime import UTC, datetime

    from data.records import Complaint

    labels = pipeline.decide(Complaint("利息太高", datetime.now(UTC)), "1")["labels"]
    assert labels["reason"]["official_code"] == "X" + labels["reason"]["code"]
    assert labels["product"]["official_code"] is None


def test_the_openapi_document_is_the_one_chosen(app: FastAPI) -> None:
    """Regenerate with: python -m serving.api.openapi > docs/openapi.json."""
    chosen = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert app.openapi() == json.loads(chosen.read_text(encoding="utf-8"))
