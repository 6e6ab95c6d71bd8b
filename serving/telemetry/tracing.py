"""OpenTelemetry traces, where an endpoint is set. Without the extra `otel` nothing is imported."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

from data.errors import InputError
from serving.settings import Settings

_STANDARD = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_UNTRACED = "livez,readyz,metrics"


def wanted(settings: Settings, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether traces are to be sent."""
    return bool(settings.otel_endpoint or any(environment.get(name) for name in _STANDARD))


def install(app: FastAPI, settings: Settings, exporter: Any | None = None) -> Callable[[], None]:
    """Trace the application's requests; returns what flushes and ends the tracing.

    `exporter` takes the place of OTLP over HTTP. Raises InputError where the libraries are
    missing. Spans carry route, status and times, never a body.
    """
    try:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.util.http import parse_excluded_urls
    except ImportError as error:
        raise InputError(
            f"traces need {error.name}: pip install 'suda[otel]'", field="SUDA_OTEL_ENDPOINT"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "suda"}))
    provider.add_span_processor(BatchSpanProcessor(exporter or _otlp(settings)))
    app.add_middleware(
        OpenTelemetryMiddleware,
        tracer_provider=provider,
        excluded_urls=parse_excluded_urls(_UNTRACED),
        exclude_spans=["receive", "send"],
    )
    return provider.shutdown


def _otlp(settings: Settings) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    if settings.otel_endpoint is None:
        return OTLPSpanExporter()
    return OTLPSpanExporter(endpoint=f"{settings.otel_endpoint.rstrip('/')}/v1/traces")
