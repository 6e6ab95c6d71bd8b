"""Put an encoder and a linear model together, and calibrate what they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from data.labelled import LabelledText
from data.text.normalise import normalise
from model import bundle
from model.answer import HeadCalibration
from model.blend.fit import fit_weights
from model.blend.runtime import KIND, BlendClassifier, added
from model.calibrate import Promise
from model.encoder.runtime import EncoderClassifier
from model.heads import calibrated_heads
from model.linear.runtime import LinearClassifier, LinearWeights


@dataclass(frozen=True, slots=True)
class Blend:
    """The blend as it will serve, with what its manifest needs."""

    model: BlendClassifier
    heads: dict[str, bundle.HeadManifest]
    runtime: dict[str, Any]


def blended(
    encoder: EncoderClassifier,
    linear: LinearWeights,
    held_out: Sequence[LabelledText],
    promise: Promise,
    worth: float = 0.0,
) -> Blend:
    """Fit the weights and the calibration on texts that neither model learnt from.

    `worth` is what the linear model must gain to be read at all, see `fit_weights`.
    """
    taxonomy = encoder.taxonomy
    plain = {head.name: bundle.HeadManifest.of(head, HeadCalibration()) for head in taxonomy.heads}
    wide = LinearClassifier(bundle.draft(KIND, taxonomy, plain), taxonomy, linear)
    texts = [normalise(item.text) for item in held_out]
    left, right = encoder.logits(texts), wide.logits(texts)
    weights = fit_weights(taxonomy, left, right, held_out, worth)
    logits = {name: added(weight, left[name], right[name]) for name, weight in weights.items()}
    heads = calibrated_heads(taxonomy, logits, held_out, promise)
    runtime = dict(encoder.manifest.runtime)
    runtime["blend"] = {name: asdict(weight) for name, weight in weights.items()}
    manifest = bundle.draft(KIND, taxonomy, heads, runtime)
    return Blend(BlendClassifier(manifest, taxonomy, encoder, wide), heads, runtime)
