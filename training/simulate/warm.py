"""The linear model retrained in seconds, over texts it has read before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix, vstack

from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText, normalise
from model import bundle, calibrate
from model.answer import HeadCalibration
from model.classifier import Floats
from model.linear.runtime import KIND, LinearClassifier, LinearRead, LinearWeights
from training.linear import LinearConfig, fit_head

# What one label from real work counts against one of the base corpus (docs/selection.md).
WEIGHT = 3.0


class RememberingClassifier(LinearClassifier):
    """The linear model as it serves, but that a text read by any model of one vocabulary is kept.

    `memory` is shared by all fits of a simulation.
    """

    def __init__(
        self,
        manifest: bundle.Manifest,
        taxonomy: Taxonomy,
        weights: LinearWeights,
        memory: dict[str, LinearRead],
    ) -> None:
        super().__init__(manifest, taxonomy, weights)
        self._memory = memory

    def read(self, text: NormalisedText) -> LinearRead:
        """Find the features of one text, or remember them."""
        if text.text not in self._memory:
            self._memory[text.text] = super().read(text)
        return self._memory[text.text]

    def matrix(self, texts: Sequence[NormalisedText]) -> csr_matrix:
        """Many texts as the model reads them, (texts, features)."""
        rows = [self.read(text).vectors for text in texts]
        return csr_matrix(
            (
                np.concatenate([row.values for row in rows]),
                np.concatenate([row.columns for row in rows]),
                np.cumsum([0, *(len(row.columns) for row in rows)]),
            ),
            shape=(len(rows), len(self._weights.vocabulary)),
        )

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Uncalibrated scores per head, shape (texts, leaves), in one product."""
        matrix = self.matrix(texts)
        return {
            name: np.asarray(matrix @ coef + self._weights.bias[name], dtype=np.float32)
            for name, coef in self._weights.coef.items()
        }


@dataclass(frozen=True, slots=True)
class LinearPlan:
    """How the linear model retrains; `weight` is what one revealed label counts."""

    weight: float = WEIGHT
    config: LinearConfig = field(default_factory=LinearConfig)
    promise: calibrate.Promise = field(default_factory=calibrate.Promise)


class WarmLinear:
    """Fits on base texts and revealed labels together, each time from where the last fit ended.

    The base is featurised once and the vocabulary stays that of the first weights.
    """

    def __init__(
        self,
        base: Sequence[LabelledText],
        taxonomy: Taxonomy,
        plan: LinearPlan,
        weights: LinearWeights,
    ) -> None:
        self._taxonomy = taxonomy
        self._plan = plan
        self._base = list(base)
        self._first = self._last = weights
        self._memory: dict[str, LinearRead] = {}
        self._matrix = self._read(self._base)

    def reset(self) -> None:
        """Begin again from the first weights."""
        self._last = self._first

    def fit(self, labelled: Sequence[LabelledText]) -> None:
        """Learn from the base and `labelled`."""
        texts = [*self._base, *labelled]
        matrix = vstack([self._matrix, self._read(labelled)], format="csr")
        factors = np.ones(len(texts))
        factors[len(self._base) :] = self._plan.weight
        fitted = {
            head.name: fit_head(
                head,
                texts,
                matrix,
                self._plan.config,
                factors=factors,
                start=(self._last.coef[head.name], self._last.bias[head.name]),
            )
            for head in self._taxonomy.heads
        }
        self._last = LinearWeights(
            self._first.vocabulary,
            self._first.idf,
            {name: coef for name, (coef, _) in fitted.items()},
            {name: bias for name, (_, bias) in fitted.items()},
        )

    def model(
        self, heads: Mapping[str, bundle.HeadManifest], name: str = KIND
    ) -> RememberingClassifier:
        """The model as it stands, answering with the given calibration."""
        manifest = bundle.draft(KIND, self._taxonomy, heads)
        manifest.version = name
        return RememberingClassifier(manifest, self._taxonomy, self._last, self._memory)

    def plain(self) -> RememberingClassifier:
        """The model as it stands, uncalibrated."""
        return self.model(plain_heads(self._taxonomy))

    def _read(self, texts: Sequence[LabelledText]) -> csr_matrix:
        return self.plain().matrix([normalise(item.text) for item in texts])


def plain_heads(taxonomy: Taxonomy) -> dict[str, bundle.HeadManifest]:
    """Every head without calibration."""
    return {h.name: bundle.HeadManifest.of(h, HeadCalibration()) for h in taxonomy.heads}
