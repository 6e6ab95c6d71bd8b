from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from data.errors import InputError
from serving.settings import Settings
from serving.telemetry import tracing


def test_traces_are_sent_only_where_an_endpoint_is_set() -> None:
    assert not tracing.wanted(Settings(), {})
    assert tracing.wanted(Settings(otel_endpoint="http://c:4318"), {})
    assert tracing.wanted(Settings(), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"})


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.instrumentation.asgi", None)
    with pytest.raises(InputError, match=r"suda\[otel\]"):
        tracing.install(FastAPI(), Settings())


def spans_of(app: FastAPI, *paths: str) -> list[Any]:
    reason = "tracing needs the extra otel"
    exported = pytest.importorskip(
        "opentelemetry.sdk.trace.export.in_memory_span_exporter", reason=reason
    )
    pytest.importorskip("opentelemetry.instrumentation.asgi", reason=reason)
    exporter = exported.InMemorySpanExporter()

    @app.get("/v1/things/{name}")
    async def thing(name: str) -> str:
        return name

    @app.get("/livez")
    async def livez() -> str:
        return "alive"

    flush = tracing.install(app, Settings(), exporter)
    with TestClient(app) as client:
        for path in paths:
            client.get(path, headers={"Authorization": "Bearer secret-of-a-key"})
    flush()
    return list(exporter.get_finished_spans())


def test_a_request_is_one_span_without_secrets() -> None:
    (span,) = spans_of(FastAPI(), "/v1/things/a", "/livez")
    assert span.attributes["http.status_code"] == 200
    assert span.resource.attributes["service.name"] == "suda"
    assert "secret-of-a-key" not in span.to_json()


def test_the_endpoint_of_the_settings_is_used(tmp_path: Path) -> None:
    pytest.importorskip(
        "opentelemetry.exporter.otlp.proto.http.trace_exporter",
        reason="tracing needs the extra otel",
    )
    exporter = tracing._otlp(Settings(otel_endpoint="http://collector:4318/"))
    assert exporter._endpoint == "http://collector:4318/v1/traces"
    exporter.shutdown()
