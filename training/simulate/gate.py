"""Whether a challenger may take over: nothing on a fixed set may fall by more than is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data.labelled import LabelledText
from data.text.normalise import NormalisedText, normalise
from eval.metrics import macro_f1
from eval.suite.config import SuiteConfig
from model.classifier import Classifier

Metrics = Mapping[str, float]
MEASURED = ("accuracy", "macro_f1")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The challenger's gate metrics, and each that fell too far as a readable reason."""

    metrics: Metrics
    refused: tuple[str, ...]

    @property
    def promoted(self) -> bool:
        """Whether no gate stood in the way."""
        return not self.refused


class Gate(Protocol):
    """Measures models on what no model trains on, and judges challengers by it.

    Metrics are named `<head>.<metric>`; `allowed` says by metric what it may stand below the best
    that any champion had: measured against the best, small losses cannot add up over promotions.
    """

    @property
    def allowed(self) -> Metrics:
        """By metric, without the head."""
        ...

    def measure(self, model: Classifier) -> Metrics:
        """The gate metrics of a model; more is better."""
        ...

    def judge(self, challenger: Classifier, floor: Metrics) -> Verdict:
        """Compare with `floor`, the best of each metric among the champions so far."""
        ...


class HeldOutGate:
    """Accuracy and macro-F1 of every head on fixed texts."""

    def __init__(self, texts: Sequence[LabelledText], allowed: Metrics) -> None:
        self._texts = list(texts)
        self._normalised: list[NormalisedText] = [normalise(item.text) for item in texts]
        self._allowed = allowed

    @property
    def allowed(self) -> Metrics:
        """By metric, without the head."""
        return self._allowed

    def measure(self, model: Classifier) -> Metrics:
        """The gate metrics of a model."""
        logits = model.logits(self._normalised)
        found: dict[str, float] = {}
        for head in model.taxonomy.heads:
            rows = [
                i for i, t in enumerate(self._texts) if t.labels.get(head.name) in head.leaf_index
            ]
            if rows:
                gold = np.array([head.leaf_index[self._texts[i].labels[head.name]] for i in rows])
                answered = logits[head.name][rows].argmax(axis=1)
                found[f"{head.name}.accuracy"] = float((answered == gold).mean())
                found[f"{head.name}.macro_f1"] = macro_f1(gold, answered)
        return found

    def judge(self, challenger: Classifier, floor: Metrics) -> Verdict:
        """Refuse what fell by more than is allowed."""
        metrics = self.measure(challenger)
        least = {name: best - allowance(self._allowed, name) for name, best in floor.items()}
        return Verdict(
            metrics,
            tuple(
                f"{name} {metrics[name]:.4f}, expected at least {limit:.4f}"
                for name, limit in least.items()
                if metrics[name] < limit
            ),
        )


def suite_losses(config: SuiteConfig) -> Metrics:
    """What the evaluation suite lets the gate's metrics lose to the champion, on any head."""
    return {
        gate.metric: gate.max_loss
        for gate in config.metric
        if gate.metric in MEASURED
        and gate.max_loss is not None
        and not (gate.head or gate.kind or gate.taxonomy)
    }


def allowance(allowed: Metrics, name: str) -> float:
    """What the metric `<head>.<metric>` may lose; nothing where nothing is said."""
    return allowed.get(name.rpartition(".")[2], 0.0)


def best_of(floor: Metrics, metrics: Metrics) -> Metrics:
    """The better of the two, metric by metric."""
    return {name: max(floor.get(name, value), value) for name, value in metrics.items()}
