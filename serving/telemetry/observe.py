"""From what happens to figures: the engine's events and the decisions made."""

from __future__ import annotations

from serving.engine.laps import Laps
from serving.pipeline import Outcome
from serving.telemetry.metrics import Metrics


class EngineObserver:
    """Counts what the engine tells."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def rejected(self, reason: str, texts: int) -> None:
        """Texts not admitted."""
        self._metrics.of(self._metrics.rejected_texts, reason).inc(texts)

    def dropped(self, reason: str) -> None:
        """A text given up before it ran."""
        self._metrics.of(self._metrics.dropped_texts, reason).inc()
        if reason == "deadline":
            self._metrics.deadline_breaches.inc()

    def finished(self, laps: Laps) -> None:
        """Where an answered text's time went."""
        for phase, seconds in laps.seconds.items():
            self._metrics.of(self._metrics.phase_seconds, phase).observe(seconds)

    def failed(self) -> None:
        """A text answered with an error."""
        self._metrics.failed_texts.inc()

    def replaced(self, crew: str, threads: int) -> None:
        """Threads replaced."""
        self._metrics.of(self._metrics.threads_replaced, crew).inc(threads)


def observe_decision(metrics: Metrics, outcome: Outcome) -> None:
    """Count one new decision."""
    answer = outcome.answer
    review, labels = answer["review"], answer["labels"]
    metrics.decisions.inc()
    version = outcome.versions["model"]
    metrics.of(metrics.model_decisions, version).inc()
    metrics.of(metrics.model_seconds, version).observe(outcome.seconds)
    for name, label in labels.items():
        metrics.of(metrics.predictions, name, label["code"]).inc()
        metrics.of(metrics.confidence, name).observe(label["confidence"])
        if label["backed_off"]:
            metrics.of(metrics.backed_off, name).inc()
    if review["needed"]:
        metrics.reviews.inc()
        metrics.of(metrics.model_reviews, version).inc()
    for reason in review["reasons"]:
        metrics.of(metrics.review_reasons, reason).inc()
    metrics.unknown_rate.observe(outcome.unknown_rate)
    if outcome.novelty is not None:
        metrics.novelty.set(outcome.novelty)
    if answer["truncated"]:
        metrics.truncated.inc()
    hits = (hit for label in labels.values() for hit in label.get("rule_evidence", ()))
    for rule in {hit["rule"] for hit in hits}:
        metrics.of(metrics.rule_hits, rule).inc()
    for flag in answer["flags"]:
        metrics.of(metrics.flags, flag["code"]).inc()
    metrics.of(metrics.routed, answer["routing"]["lead"]["code"]).inc()
