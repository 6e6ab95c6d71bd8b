"""What a classifier is, and what it answers. Everything downstream leans on these types only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A span of the *original* text and its exact share of the chosen label's logit."""

    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class HeadPrediction:
    """One head's answer.

    `probabilities` are calibrated, one per leaf in `Head.leaves` order, and sum to one. `leaf` is
    the most probable leaf; `code` is the answer: the leaf, or in a tree the deepest ancestor whose
    rolled-up probability clears its threshold (`backed_off`). `confidence` is the probability of
    `code`. `alternatives` are the next leaves with their probabilities.
    """

    head: str
    code: str
    confidence: float
    leaf: str
    backed_off: bool
    probabilities: Floats
    alternatives: tuple[tuple[str, float], ...]
    evidence: tuple[Evidence, ...]

    @property
    def margin(self) -> float:
        """Distance between the best and the second best leaf probability."""
        if len(self.probabilities) < 2:
            return 1.0
        second, first = np.partition(self.probabilities, -2)[-2:]
        return float(first - second)


@dataclass(frozen=True, slots=True)
class Prediction:
    """All heads' answers to one text.

    `unsure` names the heads whose confidence is under the bundle's review threshold. `novelty` is
    the out-of-domain score (0 = like the training texts; None where the model has none),
    `unknown_rate` the share of the text that the model's vocabulary does not cover.
    """

    heads: Mapping[str, HeadPrediction]
    unsure: tuple[str, ...]
    truncated: bool
    unknown_rate: float
    novelty: float | None = None


class Classifier(Protocol):
    """Anything that answers every head of a taxonomy. Safe to call from many threads."""

    @property
    def version(self) -> str:
        """Name of the bundle, unique to its content."""
        ...

    @property
    def taxonomy(self) -> Taxonomy:
        """The heads it answers."""
        ...

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        """Answer one text. The same text gives bit-identical answers, whatever else is served."""
        ...

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Uncalibrated scores per head, shape (texts, leaves): for evaluation and calibration."""
        ...


class Staged(Protocol):
    """How a classifier answers several texts stage by stage: its method `predict_all`, if any."""

    def __call__(self, texts: Sequence[NormalisedText], *, top_k: int) -> list[Prediction]:
        """As `predict`, each text by itself, in the same order."""
        ...


def predict_all(
    classifier: Classifier, texts: Sequence[NormalisedText], *, top_k: int = 3
) -> list[Prediction]:
    """Answer several texts, each with the answer that `predict` gives it alone.

    Where the classifier can, it takes all of them through one stage after the other: what a stage
    reads, weights or dictionaries, is then still in the processor's cache for the next text.
    """
    staged: Staged | None = getattr(classifier, "predict_all", None)
    if staged is not None:
        return staged(texts, top_k=top_k)
    return [classifier.predict(text, top_k=top_k) for text in texts]
