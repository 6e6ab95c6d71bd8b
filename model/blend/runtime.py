"""An encoder and a linear model whose logits are added, head by head. Torch-free.

The encoder reads meaning, the linear model knows the words themselves; their errors differ, so
that the weighted sum of their logits is better than either (docs/decisions/0006). Both are linear
in what they sum over, tokens here and n-grams there, so that the shares of the sum stay exact.
Where the linear model weighs nothing in any head, it is not even loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from data.errors import BundleError
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model import bundle
from model.answer import answer_head, spans_of
from model.classifier import Floats, HeadPrediction, Prediction
from model.encoder.runtime import EncoderClassifier, EncoderRead, Shares
from model.linear.runtime import LinearClassifier, LinearRead, LinearWeights

KIND = "blend"


@dataclass(frozen=True, slots=True)
class Weights:
    """What the logits of one head are multiplied by before they are added."""

    encoder: float
    linear: float


class _Runtime(BaseModel):
    model_config = ConfigDict(extra="ignore")
    blend: dict[str, Weights]


class BlendClassifier:
    """Serves a blend. Immutable after loading, so any number of threads may share it."""

    def __init__(
        self,
        manifest: bundle.Manifest,
        taxonomy: Taxonomy,
        encoder: EncoderClassifier,
        linear: LinearClassifier | None,
    ) -> None:
        self._manifest = manifest
        self._taxonomy = taxonomy
        self._encoder = encoder
        self._weights = weights_of(manifest)
        self._linear = linear
        self._calibration = {name: h.calibration() for name, h in manifest.heads.items()}

    @classmethod
    def load(cls, path: Path) -> BlendClassifier:
        """Load and verify the bundle at `path`. Raises BundleError."""
        encoder = EncoderClassifier.load(path)
        manifest, taxonomy = encoder.manifest, encoder.taxonomy
        if not any(weights.linear for weights in weights_of(manifest).values()):
            return cls(manifest, taxonomy, encoder, None)
        weights = LinearWeights.load(path, list(manifest.heads))
        return cls(manifest, taxonomy, encoder, LinearClassifier(manifest, taxonomy, weights))

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self._manifest.version

    @property
    def taxonomy(self) -> Taxonomy:
        """The bundle's own taxonomy."""
        return self._taxonomy

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        """Answer every head, with each character's exact share of the chosen leaf's logit."""
        (prediction,) = self.predict_all([text], top_k=top_k)
        return prediction

    def predict_all(self, texts: Sequence[NormalisedText], *, top_k: int = 3) -> list[Prediction]:
        """As `predict`: first the encoder reads all texts, then the linear model, then come the
        heads. Each text is read by itself, so that its answer does not depend on its company.
        """
        deep = [self._encoder.read(text) for text in texts]
        wide = [self._linear.read(text) if self._linear is not None else None for text in texts]
        return [
            self._predict(text, encoder, linear, top_k)
            for text, encoder, linear in zip(texts, deep, wide, strict=True)
        ]

    def _predict(
        self, text: NormalisedText, deep: EncoderRead, wide: LinearRead | None, top_k: int
    ) -> Prediction:
        heads = {name: self._answer(name, text, deep, wide, top_k) for name in self._weights}
        return Prediction(
            heads=heads,
            unsure=tuple(
                name for name, h in heads.items() if h.confidence < self._calibration[name].review
            ),
            truncated=deep.truncated,
            unknown_rate=round(deep.unknown, 4),
            novelty=self._encoder.novelty(deep),
        )

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Uncalibrated scores per head, shape (texts, leaves)."""
        deep = self._encoder.logits(texts)
        wide = self._linear.logits(texts) if self._linear is not None else {}
        return {name: added(w, deep[name], wide.get(name)) for name, w in self._weights.items()}

    def shares(self, head: str, leaf: str, text: NormalisedText) -> Shares:
        """Take a leaf's logit apart; the parts sum to it."""
        weights = self._weights[head]
        deep = self._encoder.shares(head, leaf, text)
        shares = Shares(
            weights.encoder * deep.characters,
            weights.encoder * deep.elsewhere,
            weights.encoder * deep.bias,
        )
        if self._linear is None:
            return shares
        return replace(
            shares,
            characters=shares.characters + weights.linear * self._linear.shares(head, leaf, text),
            bias=shares.bias + weights.linear * self._linear.bias(head, leaf),
        )

    def _answer(
        self,
        name: str,
        text: NormalisedText,
        deep: EncoderRead,
        wide: LinearRead | None,
        top_k: int,
    ) -> HeadPrediction:
        weights = self._weights[name]
        # A head in which the words weigh nothing is spared them.
        linear = self._linear if weights.linear else None
        words = linear.scores(name, wide) if linear and wide else None
        logits = added(weights, self._encoder.scores(name, deep), words)
        column = int(logits.argmax())
        shares = weights.encoder * self._encoder.telling(name, column, text, deep)
        if linear and wide:
            shares = shares + weights.linear * linear.telling(name, column, text, wide)
        return answer_head(
            self._taxonomy[name], logits, self._calibration[name], spans_of(text, shares), top_k
        )


def added(weights: Weights, encoder: Floats, linear: Floats | None) -> Floats:
    """The blend's logits, shaped like both; `linear` may be missing where it weighs nothing."""
    total = weights.encoder * encoder.astype(np.float64)
    if linear is not None:
        total = total + weights.linear * linear
    return np.asarray(total, dtype=np.float32)


def weights_of(manifest: bundle.Manifest) -> Mapping[str, Weights]:
    """Each head's weights. Raises BundleError where they are not those of the bundle's heads."""
    try:
        found = _Runtime.model_validate(manifest.runtime).blend
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("runtime", *first["loc"]))
        raise BundleError(f"{where}: {first['msg']}", field=manifest.version) from error
    if sorted(found) != sorted(manifest.heads):
        raise BundleError("runtime.blend are not the bundle's heads", field=manifest.version)
    return found
