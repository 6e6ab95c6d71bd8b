"""Text to Decision: the whole of what is decided, the same for HTTP, files and terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import InputError, TaxonomyError, kind_of
from data.records import Complaint
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model.classifier import Classifier, Prediction
from model.registry.resolve import resolve
from model.runtime import load as load_bundle
from serving.answer import decision_json
from serving.settings import Settings
from serving.triage.decide import decide
from serving.triage.policy import PolicySet, packs_for
from serving.triage.policy import load as load_policy
from serving.triage.types import Decision


@dataclass(frozen=True)
class Outcome:
    """What was made of one complaint; `answer` is the JSON object that is stored and sent.

    `seconds` is how long it took.
    """

    prediction: Prediction
    decision: Decision
    versions: dict[str, str]
    answer: dict[str, Any]
    seconds: float = 0.0


def _no_lap(_: str) -> None:
    """Nobody measures."""


@dataclass(frozen=True)
class Pipeline:
    """A classifier and the policy over its answers. Stateless and safe to share."""

    classifier: Classifier
    policies: PolicySet
    taxonomy: Taxonomy
    top_k: int = 3

    @classmethod
    def open(cls, settings: Settings) -> Pipeline:
        """Load bundle and policy. Raises BundleError, TaxonomyError or PolicyError."""
        classifier = load_bundle(resolve(settings.bundle, settings.registry))
        taxonomy = overlaid(settings.taxonomy, classifier.taxonomy)
        directory: Path = settings.policy or packs_for(taxonomy)
        return cls(classifier, load_policy(directory, taxonomy), taxonomy, settings.top_k)

    def decide(self, complaint: Complaint, complaint_id: str) -> dict[str, Any]:
        """The decision as the JSON object that is stored and answered."""
        return self.outcome(complaint, complaint_id).answer

    def outcome(
        self, complaint: Complaint, complaint_id: str, lap: Callable[[str], None] = _no_lap
    ) -> Outcome:
        """Decide one complaint; `lap` is told when `prepare`, `infer` and `decide` are done.

        Raises InputError for a text without any words.
        """
        began = time.perf_counter()
        text = normalise(complaint.text)
        if not text.text:
            raise InputError(
                f"expected the words of a complaint, got {kind_of(complaint.text)} without any",
                field="text",
            )
        lap("prepare")
        prediction = self.classifier.predict(text, top_k=self.top_k)
        lap("infer")
        policy = self.policies.at(complaint.received_at)
        # Drawn by what the complaint is, not by our id: a replay, a file and HTTP decide alike.
        key = f"{complaint.source}\0{complaint.external_id}" if complaint.external_id else None
        decision = decide(complaint, text, prediction, policy, self.taxonomy, audit_key=key)
        versions = {
            "model": self.classifier.version,
            "taxonomy": self.taxonomy.stamp,
            "policy": policy.stamp,
        }
        answer = decision_json(complaint, complaint_id, decision, self.taxonomy, versions)
        lap("decide")
        return Outcome(prediction, decision, versions, answer, time.perf_counter() - began)


def overlaid(path: Path | None, own: Taxonomy) -> Taxonomy:
    """The taxonomy at `path` where one is set; it must have the bundle's own codes."""
    if path is None:
        return own
    taxonomy = load_taxonomy(path)
    codes = {head.name: set(head.by_code) for head in taxonomy.heads}
    if codes != {head.name: set(head.by_code) for head in own.heads}:
        raise TaxonomyError("its heads and codes are not those of the bundle", field=str(path))
    return taxonomy
