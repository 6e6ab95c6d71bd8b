"""Text to Decision: the whole of what is decided, the same for HTTP, files and terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import TaxonomyError
from data.records import Complaint
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model.classifier import Classifier
from model.runtime import load as load_bundle
from serving.answer import decision_json
from serving.settings import Settings
from serving.triage.decide import decide
from serving.triage.policy import PolicySet, packs_for
from serving.triage.policy import load as load_policy


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
        classifier = load_bundle(settings.bundle)
        taxonomy = _overlaid(settings.taxonomy, classifier.taxonomy)
        directory: Path = settings.policy or packs_for(taxonomy)
        return cls(classifier, load_policy(directory, taxonomy), taxonomy, settings.top_k)

    def decide(self, complaint: Complaint, complaint_id: str) -> dict[str, Any]:
        """The decision as the JSON object that is stored and answered."""
        text = normalise(complaint.text)
        prediction = self.classifier.predict(text, top_k=self.top_k)
        policy = self.policies.at(complaint.received_at)
        # Drawn by what the complaint is, not by our id: a replay, a file and HTTP decide alike.
        key = f"{complaint.source}\0{complaint.external_id}" if complaint.external_id else None
        decision = decide(complaint, text, prediction, policy, self.taxonomy, audit_key=key)
        versions = {
            "model": self.classifier.version,
            "taxonomy": self.taxonomy.stamp,
            "policy": policy.stamp,
        }
        return decision_json(complaint, complaint_id, decision, self.taxonomy, versions)


def _overlaid(path: Path | None, own: Taxonomy) -> Taxonomy:
    """The taxonomy at `path` where one is set; it must have the bundle's own codes."""
    if path is None:
        return own
    taxonomy = load_taxonomy(path)
    codes = {head.name: set(head.by_code) for head in taxonomy.heads}
    if codes != {head.name: set(head.by_code) for head in own.heads}:
        raise TaxonomyError("its heads and codes are not those of the bundle", field=str(path))
    return taxonomy
