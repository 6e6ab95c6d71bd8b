"""What a model and the rules say about texts nobody has labelled yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from data.records import Complaint
from data.text.normalise import NormalisedText, normalise
from model.classifier import Classifier, Prediction
from serving.triage.decide import decide_from, given_facts
from serving.triage.policy import PolicySet
from serving.triage.rules import Findings
from serving.triage.types import Decision

# What serving.triage.review calls it.
_DISAGREEMENT = "rule_model_disagreement"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may be labelled; `fields` are those of a complaint (source, channel, …)."""

    id: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def complaint(self, received_at: datetime) -> Complaint:
        """As the pipeline takes it in."""
        return Complaint(
            text=self.text,
            received_at=received_at,
            source=_text(self.fields.get("source")),
            channel=_text(self.fields.get("channel")),
            branch=_text(self.fields.get("branch")),
            customer_segment=_text(self.fields.get("customer_segment")),
        )


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for showing one text to a person; numbers in [0, 1], 1 = most.

    `doubt` per head is how close the second label comes to the first (1 - margin),
    `disagreement` how sure the model is of something milder than what the rules found (or 1 where
    it says urgent and no rule does), `novelty` the out-of-domain score or, where the model has
    none, the share of the text it does not know.
    """

    id: str
    text: str
    prediction: Prediction
    doubt: Mapping[str, float]
    disagreement: float
    novelty: float
    reasons: tuple[str, ...]


class Reader:
    """Decides texts as serving would on one day; what does not depend on the model is kept.

    In a loop the same texts are read again by every new model, and the rules cost more than a
    linear model does.
    """

    def __init__(self, policies: PolicySet, received_at: datetime) -> None:
        self._policy = policies.at(received_at)
        self._received_at = received_at
        self._known: dict[str, tuple[NormalisedText, Findings]] = {}

    def read(
        self,
        pool: Sequence[Candidate],
        classifier: Classifier,
        on_text: Callable[[int], None] = lambda _: None,
    ) -> list[Signals]:
        """What `classifier` and the rules say about every text of a pool."""
        found = []
        for done, candidate in enumerate(pool, 1):
            found.append(self._one(candidate, classifier))
            on_text(done)
        return found

    def _one(self, candidate: Candidate, classifier: Classifier) -> Signals:
        complaint = candidate.complaint(self._received_at)
        text, findings = self._found(candidate.id, complaint)
        prediction = classifier.predict(text)
        decision = decide_from(
            complaint, text, prediction, self._policy, classifier.taxonomy, findings
        )
        return Signals(
            id=candidate.id,
            text=text.text,
            prediction=prediction,
            doubt={name: 1.0 - head.margin for name, head in prediction.heads.items()},
            disagreement=_disagreement(decision, classifier),
            novelty=_novelty(prediction),
            reasons=decision.review.reasons,
        )

    def _found(self, key: str, complaint: Complaint) -> tuple[NormalisedText, Findings]:
        if key not in self._known:
            text = normalise(complaint.text)
            findings = self._policy.rules.evaluate(text, given_facts(complaint))
            self._known[key] = (text, findings)
        return self._known[key]


def _disagreement(decision: Decision, classifier: Classifier) -> float:
    if _DISAGREEMENT in decision.review.reasons:
        return 1.0
    urgency = decision.urgency
    if urgency is None or urgency.code == urgency.model_code:
        return 0.0
    head = classifier.taxonomy[urgency.head]
    milder = decision.heads[urgency.head].probabilities[head.rank(urgency.code) + 1 :]
    return float(milder.sum())


def _novelty(prediction: Prediction) -> float:
    novelty = prediction.unknown_rate if prediction.novelty is None else prediction.novelty
    return float(np.clip(novelty, 0.0, 1.0))


def _text(value: Any) -> str | None:
    return str(value) if value is not None else None
