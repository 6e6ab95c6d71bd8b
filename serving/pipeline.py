"""Text to Decision: the whole of what is decided, the same for HTTP, files and terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import orjson

from data.errors import InputError, TaxonomyError, kind_of
from data.records import Complaint
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText, normalise
from model.classifier import Classifier, Prediction, predict_all
from model.registry.resolve import resolve
from model.runtime import load as load_bundle
from serving.answer import decision_json
from serving.engine.laps import Lap, unmeasured
from serving.settings import Settings
from serving.triage.decide import decide
from serving.triage.policy import PolicySet, packs_for
from serving.triage.policy import load as load_policy

# A complaint and the id that it was given.
Asked: TypeAlias = tuple[Complaint, str]


@dataclass(frozen=True)
class Outcome:
    """What was made of one complaint; `body` is the JSON that is stored and sent.

    `unknown_rate` and `novelty` are the prediction's (`model.classifier.Prediction`). `seconds` is
    how long it took, `triage_seconds` how much of that came after the model; of complaints that
    were decided together each took as long as the others.
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
        self, pipeline: Pipeline, asked: Sequence[Asked]
    ) -> list[Outcome | Exception] | None:
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
        """Decide one complaint as `outcomes` does. Raises what stands in its place there."""
        (made,) = self.outcomes([(complaint, complaint_id)], [lap])
        if isinstance(made, Exception):
            raise made
        return made

    def outcomes(self, asked: Sequence[Asked], laps: Sequence[Lap]) -> list[Outcome | Exception]:
        """Decide some complaints, elsewhere where the classifier can have that done.

        In the same order, each as it would be decided alone; in the place of one that fails stands
        why: InputError for a text without any words. Each of `laps` is told when `prepare`, `infer`
        and `decide` are done, of all of them.
        """
        began = time.perf_counter()
        for lap in laps:
            lap("prepare")
        elsewhere: Elsewhere | None = getattr(self.classifier, "decide", None)
        made = elsewhere(self, asked) if elsewhere else None
        if made is None:
            made = self.made(asked)
        each = (time.perf_counter() - began) / len(asked)
        triage = sum(one.triage_seconds for one in made if isinstance(one, Outcome))
        for lap in laps:
            lap("infer", triage)
            lap("decide")
        return [replace(one, seconds=each) if isinstance(one, Outcome) else one for one in made]

    def made(self, asked: Sequence[Asked]) -> list[Outcome | Exception]:
        """As `outcomes`, here."""
        if len(asked) > 1:
            # Where one of them fails it is found, and fails, alone.
            with suppress(Exception):
                return self._staged(asked)
        return [self._alone(one) for one in asked]

    def _alone(self, one: Asked) -> Outcome | Exception:
        try:
            (made,) = self._staged([one])
        except Exception as error:  # noqa: BLE001 - it stands in the answer's place
            return error
        return made

    def _staged(self, asked: Sequence[Asked]) -> list[Outcome | Exception]:
        """All through one stage, then all through the next."""
        began = time.perf_counter()
        texts = [normalise(complaint.text) for complaint, _ in asked]
        worded = [text for text in texts if text.text]
        predictions = iter(predict_all(self.classifier, worded, top_k=self.top_k))
        read = time.perf_counter()
        found = [
            self._decided(one, text, next(predictions)) if text.text else _wordless(one[0])
            for one, text in zip(asked, texts, strict=True)
        ]
        done = time.perf_counter()
        each = (done - began) / len(asked)
        triage = (done - read) / len(asked)
        return [
            replace(one, seconds=each, triage_seconds=triage) if isinstance(one, Outcome) else one
            for one in found
        ]

    def _decided(self, one: Asked, text: NormalisedText, prediction: Prediction) -> Outcome:
        complaint, complaint_id = one
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
        return Outcome(orjson.dumps(answer), versions, prediction.unknown_rate, prediction.novelty)


def _wordless(complaint: Complaint) -> InputError:
    return InputError(
        f"expected a complaint in words, got {kind_of(complaint.text)}",
        field="text",
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
