"""The blend as a simulation retrains it: the encoder stays, the linear model learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from data.errors import BundleError
from data.labelled import LabelledText
from data.splits import Split
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText, normalise
from model import bundle
from model.blend.fit import fit_weights
from model.blend.runtime import KIND, BlendClassifier, added
from model.encoder.runtime import EncoderClassifier, EncoderRead, Parts
from model.heads import calibrated_heads
from model.linear.runtime import LinearWeights
from training.simulate.warm import LinearPlan, WarmLinear


class RememberingEncoder(EncoderClassifier):
    """The encoder as it serves, but that a text read once is kept: it never changes here."""

    def __init__(self, manifest: bundle.Manifest, taxonomy: Taxonomy, parts: Parts) -> None:
        self._memory: dict[str, EncoderRead] = {}
        super().__init__(manifest, taxonomy, parts)

    def read(self, text: NormalisedText) -> EncoderRead:
        """Run one text, or remember it."""
        if text.text not in self._memory:
            self._memory[text.text] = super().read(text)
        return self._memory[text.text]


class BlendTrainer:
    """As `suda retrain` does with a blend: a new linear model joins the encoder that serves.

    How much either counts, temperatures and thresholds are fitted on the base's dev split each
    time.
    """

    def __init__(
        self,
        encoder: EncoderClassifier,
        weights: LinearWeights,
        base: Mapping[Split, Sequence[LabelledText]],
        plan: LinearPlan,
    ) -> None:
        self._encoder = encoder
        self._plan = plan
        self._warm = WarmLinear(base["train"], encoder.taxonomy, plan, weights)
        self._dev = list(base["dev"])
        self._held_out = [normalise(item.text) for item in self._dev]
        self._fits = 0

    @classmethod
    def of_bundle(
        cls, path: Path, base: Mapping[Split, Sequence[LabelledText]], plan: LinearPlan
    ) -> BlendTrainer:
        """Start from a blend. Raises BundleError for a bundle of another kind."""
        manifest = bundle.read(path)[0]
        if manifest.kind != KIND:
            raise BundleError(f"kind {manifest.kind}, expected {KIND}", field=str(path))
        weights = LinearWeights.load(path, list(manifest.heads))
        return cls(RememberingEncoder.load(path), weights, base, plan)

    def start(self) -> BlendClassifier:
        """The first model; fits begin from it again."""
        self._warm.reset()
        self._fits = 0
        return self._classifier()

    def fit(self, labelled: Sequence[LabelledText]) -> BlendClassifier:
        """The model after `labelled` came to the base corpus."""
        self._warm.fit(labelled)
        self._fits += 1
        return self._classifier()

    def _classifier(self) -> BlendClassifier:
        taxonomy, wide = self._encoder.taxonomy, self._warm.plain()
        left, right = self._encoder.logits(self._held_out), wide.logits(self._held_out)
        weights = fit_weights(taxonomy, left, right, self._dev)
        logits = {name: added(w, left[name], right[name]) for name, w in weights.items()}
        heads = calibrated_heads(taxonomy, logits, self._dev, self._plan.promise)
        runtime = dict(self._encoder.manifest.runtime)
        runtime["blend"] = {name: asdict(weight) for name, weight in weights.items()}
        manifest = bundle.draft(KIND, taxonomy, heads, runtime)
        manifest.version = f"{KIND}-simulated-{self._fits}"
        return BlendClassifier(manifest, taxonomy, self._encoder, wide)
