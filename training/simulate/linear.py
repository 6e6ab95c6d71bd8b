"""The linear model as a simulation retrains it: in seconds, over texts it has read before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, vstack

from data.errors import BundleError
from data.labelled import LabelledText
from data.splits import Split
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import NormalisedText, normalise
from model import bundle, calibrate
from model.answer import HeadCalibration
from model.classifier import Floats
from model.linear.runtime import KIND, LinearClassifier, LinearRead, LinearWeights
from training.linear import LinearConfig, fit_head, train

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


class LinearTrainer:
    """Fits on base corpus and revealed labels together, each time from where the last fit ended.

    The base corpus is featurised once and the vocabulary stays that of the first model, so that a
    fit takes seconds. Temperatures and thresholds are fitted on the base's dev split each time.
    """

    def __init__(
        self,
        base: Mapping[Split, Sequence[LabelledText]],
        taxonomy: Taxonomy,
        plan: LinearPlan,
        weights: LinearWeights | None = None,
    ) -> None:
        self._taxonomy = taxonomy
        self._plan = plan
        self._base = list(base["train"])
        self._dev = list(base["dev"])
        self._first = weights or train(self._base, taxonomy, plan.config)
        self._last = self._first
        self._fits = 0
        self._memory: dict[str, LinearRead] = {}
        self._matrix = self._read(self._base)
        self._held_out = [normalise(item.text) for item in self._dev]

    @classmethod
    def of_bundle(
        cls, path: Path, base: Mapping[Split, Sequence[LabelledText]], plan: LinearPlan
    ) -> LinearTrainer:
        """Start from a linear bundle. Raises BundleError for one of another kind."""
        manifest, taxonomy = bundle.read(path)
        if manifest.kind != KIND:
            raise BundleError(f"kind {manifest.kind}, expected {KIND}", field=str(path))
        return cls(base, taxonomy, plan, LinearWeights.load(path, list(manifest.heads)))

    def start(self) -> RememberingClassifier:
        """The first model, calibrated as all later ones are; fits begin from it again."""
        self._last, self._fits = self._first, 0
        return self._classifier()

    def fit(self, labelled: Sequence[LabelledText]) -> RememberingClassifier:
        """The model after `labelled` came to the base corpus."""
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
        self._fits += 1
        return self._classifier()

    def _read(self, texts: Sequence[LabelledText]) -> csr_matrix:
        return self._model(_plain(self._taxonomy)).matrix([normalise(item.text) for item in texts])

    def _model(self, heads: Mapping[str, bundle.HeadManifest]) -> RememberingClassifier:
        manifest = bundle.draft(KIND, self._taxonomy, heads)
        manifest.version = f"{KIND}-simulated-{self._fits}"
        return RememberingClassifier(manifest, self._taxonomy, self._last, self._memory)

    def _classifier(self) -> RememberingClassifier:
        logits = self._model(_plain(self._taxonomy)).logits(self._held_out)
        return self._model(
            {h.name: self._calibrated(h, logits[h.name]) for h in self._taxonomy.heads}
        )

    def _calibrated(self, head: Head, logits: Floats) -> bundle.HeadManifest:
        rows = [i for i, t in enumerate(self._dev) if t.labels.get(head.name) in head.leaf_index]
        fitted = calibrate.fit(
            head,
            logits[rows],
            np.array([head.leaf_index[self._dev[i].labels[head.name]] for i in rows]),
            self._plan.promise,
            accepted=[self._dev[i].readings(head.name) for i in rows],
        )
        return bundle.HeadManifest.of(head, fitted)


def _plain(taxonomy: Taxonomy) -> dict[str, bundle.HeadManifest]:
    return {h.name: bundle.HeadManifest.of(h, HeadCalibration()) for h in taxonomy.heads}
