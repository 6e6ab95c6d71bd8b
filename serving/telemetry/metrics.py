"""Every figure the service keeps, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

_PHASES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_REQUESTS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30)
_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_GROUPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


_Figure = TypeVar("_Figure", Counter, Histogram)


class Metrics:
    """The figures by name. One instance an application, so that two never share a registry."""

    def __init__(self) -> None:
        self._labelled: dict[tuple[object, ...], Any] = {}
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

        self.requests = self._counter(
            "suda_requests", "HTTP requests answered", "method", "route", "status"
        )
        self.request_seconds = self._histogram(
            "suda_request_seconds", "Seconds until a request was answered", _REQUESTS, "route"
        )
        self.phase_seconds = self._histogram(
            "suda_phase_seconds", "Seconds a text spent in a phase", _PHASES, "phase"
        )
        self.rejected_texts = self._counter(
            "suda_rejected_texts", "Texts not admitted, by reason", "reason"
        )
        self.dropped_texts = self._counter(
            "suda_dropped_texts", "Admitted texts given up before they ran, by reason", "reason"
        )
        self.failed_texts = self._counter("suda_failed_texts", "Texts answered with an error")
        self.deadline_breaches = self._counter(
            "suda_deadline_breaches", "Texts whose caller's deadline passed unanswered"
        )
        self.queue = self._gauge("suda_queue_texts", "Texts admitted and not begun")
        self.queue_limit = self._gauge(
            "suda_queue_limit_texts", "Texts that may wait under the default deadline"
        )
        self.in_progress = self._gauge("suda_in_progress_texts", "Texts begun and not answered")
        self.capacity = self._gauge(
            "suda_capacity_texts_per_second", "Texts a second the workers answer, as measured"
        )
        self.threads = self._gauge(
            "suda_threads_healthy", "Threads alive that have lately shown it", "crew"
        )
        self.threads_wanted = self._gauge("suda_threads_wanted", "Threads there should be", "crew")
        self.threads_replaced = self._counter(
            "suda_threads_replaced", "Dead or stuck threads replaced", "crew"
        )
        self.group_texts = self._histogram(
            "suda_group_texts", "Complaints saved in one transaction", _GROUPS
        )
        self.cache_hits = self._gauge("suda_cache_hits", "Predictions answered from the cache")
        self.cache_misses = self._gauge("suda_cache_misses", "Predictions not in the cache")
        self.ready = self._gauge("suda_ready", "1 while complaints can be taken in")
        self._decisions()
        self._outside()
        self._models()

    def of(self, figure: _Figure, *labels: str) -> _Figure:
        """`figure.labels(*labels)`, looked up once: it takes a lock, and each complaint has twenty.

        Not for a figure that is ever cleared.
        """
        key = (figure, *labels)
        found: _Figure | None = self._labelled.get(key)
        if found is None:
            found = self._labelled[key] = figure.labels(*labels)
        return found

    def _decisions(self) -> None:
        """What is decided, and how sure of it the model is."""
        self.decisions = self._counter("suda_decisions", "Complaints decided")
        self.predictions = self._counter(
            "suda_predictions", "Labels answered, by head", "head", "label"
        )
        self.confidence = self._histogram(
            "suda_confidence", "Confidence in the label answered", _CONFIDENCES, "head"
        )
        self.backed_off = self._counter(
            "suda_backed_off", "Answers given as a parent of the best leaf", "head"
        )
        self.reviews = self._counter("suda_reviews", "Decisions that a person must look at")
        self.review_reasons = self._counter(
            "suda_review_reasons", "Why a person must look", "reason"
        )
        self.unknown_rate = self._histogram(
            "suda_unknown_rate", "Share of a text the model's vocabulary does not cover", _SHARES
        )
        self.novelty = self._gauge("suda_novelty_last", "Out-of-domain score of the last text")
        self.truncated = self._counter("suda_truncated", "Texts too long to be read whole")
        self.rule_hits = self._counter("suda_rule_hits", "Urgency rules that fired", "rule")
        self.flags = self._counter("suda_flags", "Sensitive flags raised", "flag")
        self.routed = self._counter("suda_routed", "Complaints by lead department", "department")

    def _outside(self) -> None:
        """Set by other parts of the service: the model, the monitor, the outbox, the worklist."""
        self.model_info = self._gauge(
            "suda_model_info", "1 for what serves", "model", "taxonomy", "policy"
        )
        self.drift = self._gauge(
            "suda_drift", "Distance of what comes in from the training data", "measure", "subject"
        )
        self.outbox_pending = self._gauge("suda_outbox_pending", "Work orders not delivered yet")
        self.outbox_lag = self._gauge(
            "suda_outbox_lag_seconds",
            "Age of the oldest work order not delivered to a department that is told",
        )
        self.dead_letters = self._gauge(
            "suda_dead_letters", "Work orders given up after the last retry"
        )
        self.jobs_running = self._gauge("suda_jobs_running", "Jobs this process works on")
        self.job_rows = self._counter("suda_job_rows", "Rows of jobs, by outcome", "outcome")
        self.deliveries = self._counter(
            "suda_outbox_deliveries", "Attempts to deliver a work order, by result", "result"
        )
        self.overdue = self._gauge(
            "suda_overdue_complaints", "Open complaints past a clock's deadline", "clock"
        )
        self.at_risk = self._gauge(
            "suda_at_risk_complaints", "Open complaints whose limit is near, by days left", "days"
        )
        self.clock_breaches = self._counter(
            "suda_clock_breaches", "Clocks that ran out on a complaint", "clock"
        )
        self.bounces = self._counter(
            "suda_bounces", "Complaints passed on by a department, by what followed", "then"
        )

    def _models(self) -> None:
        """Which models answer, and how each of them does."""
        self.model_swaps = self._counter(
            "suda_model_swaps", "Changes of what serves, by outcome", "outcome"
        )
        self.models_held = self._gauge("suda_models_held", "Models in memory")
        self.model_decisions = self._counter(
            "suda_model_decisions", "Complaints decided, by model", "model"
        )
        self.model_reviews = self._counter(
            "suda_model_reviews", "Decisions that a person must look at, by model", "model"
        )
        self.model_failures = self._counter(
            "suda_model_failures", "Texts that a model failed on", "model"
        )
        self.model_seconds = self._histogram(
            "suda_model_seconds", "Seconds from a text to its decision, by model", _PHASES, "model"
        )
        self.canary_share = self._gauge(
            "suda_canary_share", "Share of complaints that a canary answers"
        )
        self.canaries_ended = self._counter(
            "suda_canaries_ended", "Canaries ended because they did worse than the champion"
        )
        self.shadow_texts = self._counter(
            "suda_shadow_texts", "Complaints offered to the shadow, by what became of them",
            "outcome",
        )  # fmt: skip
        self.shadow_differs = self._counter(
            "suda_shadow_differs", "Complaints on which the shadow differs, by field", "field"
        )

    def watch(self, gauge: Gauge, read: Callable[[], float]) -> None:
        """Read a gauge's value when it is asked for."""
        gauge.set_function(read)

    def serves(self, model: str, taxonomy: str, policy: str) -> None:
        """From now on these versions answer."""
        self.model_info.clear()
        self.model_info.labels(model, taxonomy, policy).set(1)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)

    def _histogram(
        self, name: str, says: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, says, labels, buckets=buckets, registry=self.registry)
