"""A classifier whose texts are answered by worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import Classifier, Floats, Prediction
from serving.pipeline import Asked, Outcome, Pipeline

if TYPE_CHECKING:
    from serving.workers.pool import Pool


class SharedClassifier:
    """The same model here and in the workers, under the name `model`; answers are bit-identical.

    A Python interpreter runs one thread at a time, and much of what a text costs is Python: two
    threads alone answer less than half as many again as one (docs/decisions/0009).
    """

    def __init__(self, local: Classifier, model: str, workers: Pool) -> None:
        self.model = model
        self._local = local
        self._workers = workers

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self._local.version

    @property
    def taxonomy(self) -> Taxonomy:
        """The bundle's taxonomy."""
        return self._local.taxonomy

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        """A worker's answer, or this process's own where no worker is free. Raises WorkerError."""
        answer = self._workers.predict(self.model, text, top_k)
        return self._local.predict(text, top_k=top_k) if answer is None else answer

    def decide(
        self, pipeline: Pipeline, asked: Sequence[Asked]
    ) -> list[Outcome | Exception] | None:
        """A worker's decisions by the pipeline, rules and deadlines with them; in the place of one
        that fails WorkerError, or InputError for a text without any words.
        """
        return self._workers.decide(self.model, pipeline, asked)

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Computed here."""
        return self._local.logits(texts)
