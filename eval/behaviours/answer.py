"""What a behaviour test sees of the system: the labels, and what triage made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from data.records import Complaint
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import normalise
from model.classifier import Classifier
from serving.triage.decide import decide
from serving.triage.policy import Policy, PolicySet

# The bundled packs are in force from 2020 on; a fixed day makes two runs decide alike.
DAY = datetime(2026, 6, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Label:
    """The chosen code of one head, the codes from the root to it, and its probability."""

    code: str
    path: tuple[str, ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One text answered.

    `labels` are the model's, by head; `urgency` is the level after rules (None where nothing in the
    taxonomy says how urgent), `flags` the sensitive markers, `review` whether a person must look.
    """

    labels: Mapping[str, Label]
    urgency: str | None = None
    flags: frozenset[str] = frozenset()
    review: bool = False


Answerer = Callable[[str], Answer]


def answerer(
    classifier: Classifier, policies: PolicySet, taxonomy: Taxonomy, *, at: datetime = DAY
) -> Answerer:
    """Model and triage as one function of the text, as a complaint received `at` is decided."""
    policy = policies.at(at)

    def answer(words: str) -> Answer:
        text = normalise(words)
        prediction = classifier.predict(text)
        decision = decide(Complaint(words, at), text, prediction, policy, taxonomy)
        return Answer(
            labels={
                name: Label(head.code, taxonomy[name].path(head.code), head.confidence)
                for name, head in prediction.heads.items()
            },
            urgency=decision.urgency.code if decision.urgency else None,
            flags=frozenset(flag.code for flag in decision.flags),
            review=decision.review.needed,
        )

    return answer


def urgency_head(policy: Policy, taxonomy: Taxonomy) -> Head | None:
    """The head that the policy reads as urgency, if the taxonomy has one."""
    return taxonomy[policy.roles.urgency] if policy.roles.urgency else None
