"""Text to Decision: the whole of what is decided, the same for HTTP, files and terminal."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import orjson

from data.errors import InputError, TaxonomyError, kind_of
from data.records import Complaint
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model.classifier import Classifier
from model.registry.resolve import resolve
from model.runtime import load as load_bundle
from serving.answer import decision_json
from serving.engine.laps import Lap, unmeasured
from serving.settings import Settings
from serving.triage.decide import decide
from serving.triage.policy import PolicySet, packs_for
from serving.triage.policy import load as load_policy


@dataclass(frozen=True)
class Outcome:
    """What was made of one complaint; `body` is the JSON that is stored and sent.

    `unknown_rate` and `novelty` are the prediction's (`model.classifier.Prediction`). `seconds` is
    how long it took, `triage_seconds` how much of that came after the model.
    """

    body: bytes
    versions: dict[str, str]
    unknown_rate: float
    novelty: float | None
    seconds: float = 0.0
    triage_seconds: float = 0.0

    @cached_property
    def answer(self) -> dict[str, Any]:
        """`body` as an object."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found


class Elsewhere(Protocol):
    """How a classifier decides for a whole pipeline, elsewhere: its method `decide`, if any."""

    def __call__(
        self, pipeline: Pipeline, complaint: Complaint, complaint_id: str
    ) -> Outcome | None:
        """As `Pipeline.made`; None where it cannot be done elsewhere now."""
        ...


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

    def outcome(self, complaint: Complaint, complaint_id: str, lap: Lap = unmeasured) -> Outcome:
        """Decide one complaint, elsewhere where the classifier can have that done.

        `lap` is told when `prepare`, `infer` and `decide` are done. Raises InputError for a text
        without any words.
        """
        began = time.perf_counter()
        lap("prepare")
        elsewhere: Elsewhere | None = getattr(self.classifier, "decide", None)
        made = elsewhere(self, complaint, complaint_id) if elsewhere else None
        made = made or self.made(complaint, complaint_id)
        lap("infer", made.triage_seconds)
        lap("decide")
        return replace(made, seconds=time.perf_counter() - began)

    def made(self, complaint: Complaint, complaint_id: str) -> Outcome:
        """Decide one complaint here. Raises InputError for a text without any words."""
        began = time.perf_counter()
        text = normalise(complaint.text)
        if not text.text:
            raise InputError(
                f"expected the words of a complaint, got {kind_of(complaint.text)} without any",
                field="text",
            )
        prediction = self.classifier.predict(text, top_k=self.top_k)
        read = time.perf_counter()
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
        body = orjson.dumps(answer)
        done = time.perf_counter()
        return Outcome(
            body,
            versions,
            prediction.unknown_rate,
            prediction.novelty,
            seconds=done - began,
            triage_seconds=done - read,
        )


def overlaid(path: Path | None, own: Taxonomy) -> Taxonomy:
    """The taxonomy at `path` where one is set; it must have the bundle's own codes."""
    if path is None:
        return own
    taxonomy = load_taxonomy(path)
    codes = {head.name: set(head.by_code) for head in taxonomy.heads}
    if codes != {head.name: set(head.by_code) for head in own.heads}:
        raise TaxonomyError("its heads and codes are not those of the bundle", field=str(path))
    return taxonomy
