"""The linear model as a simulation retrains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from data.errors import BundleError
from data.labelled import LabelledText
from data.splits import Split
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model import bundle
from model.blend.runtime import KIND as BLEND
from model.heads import calibrated_heads
from model.linear.runtime import KIND, LinearWeights
from training.linear import train
from training.simulate.warm import LinearPlan, RememberingClassifier, WarmLinear


class LinearTrainer:
    """Fits on the base's train split and revealed labels; calibrates on its dev split each time."""

    def __init__(
        self,
        base: Mapping[Split, Sequence[LabelledText]],
        taxonomy: Taxonomy,
        plan: LinearPlan,
        weights: LinearWeights | None = None,
    ) -> None:
        self._taxonomy = taxonomy
        self._plan = plan
        first = weights or train(base["train"], taxonomy, plan.config)
        self._warm = WarmLinear(base["train"], taxonomy, plan, first)
        self._dev = list(base["dev"])
        self._held_out = [normalise(item.text) for item in self._dev]
        self._fits = 0

    @classmethod
    def of_bundle(
        cls, path: Path, base: Mapping[Split, Sequence[LabelledText]], plan: LinearPlan
    ) -> LinearTrainer:
        """Start from a linear bundle, or a blend's linear half. Raises BundleError for others."""
        manifest, taxonomy = bundle.read(path)
        if manifest.kind not in (KIND, BLEND):
            raise BundleError(f"kind {manifest.kind}, expected {KIND} or {BLEND}", field=str(path))
        return cls(base, taxonomy, plan, LinearWeights.load(path, list(manifest.heads)))

    def start(self) -> RememberingClassifier:
        """The first model, calibrated as all later ones are; fits begin from it again."""
        self._warm.reset()
        self._fits = 0
        return self._classifier()

    def fit(self, labelled: Sequence[LabelledText]) -> RememberingClassifier:
        """The model after `labelled` came to the base corpus."""
        self._warm.fit(labelled)
        self._fits += 1
        return self._classifier()

    def _classifier(self) -> RememberingClassifier:
        logits = self._warm.plain().logits(self._held_out)
        heads = calibrated_heads(self._taxonomy, logits, self._dev, self._plan.promise)
        return self._warm.model(heads, f"{KIND}-simulated-{self._fits}")
