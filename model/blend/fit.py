"""How much of an encoder's and of a linear model's logits make the best blend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data.labelled import LabelledText
from data.taxonomy.schema import Head, Taxonomy
from model.answer import HeadCalibration, probabilities
from model.blend.runtime import Weights
from model.calibrate import temperature
from model.classifier import Floats

# A finer grid moves the likelihood in the fourth decimal.
_SHARES = np.linspace(0.0, 1.0, 21)


def fit_weights(
    taxonomy: Taxonomy,
    encoder: Mapping[str, Floats],
    linear: Mapping[str, Floats],
    texts: Sequence[LabelledText],
) -> dict[str, Weights]:
    """Per head, the weights under which the texts' labels are most likely.

    `encoder` and `linear` hold held-out logits, (texts, leaves) each, in the order of `texts`.
    Each side is first brought to its own temperature, so that the weights compare like with like;
    a head that no text is labelled for takes both alike.
    """
    return {
        head.name: _fit(head, encoder[head.name], linear[head.name], texts)
        for head in taxonomy.heads
    }


def _fit(head: Head, encoder: Floats, linear: Floats, texts: Sequence[LabelledText]) -> Weights:
    rows = [i for i, item in enumerate(texts) if item.labels.get(head.name) in head.leaf_index]
    if not rows:
        return Weights(0.5, 0.5)
    gold = np.array([head.leaf_index[texts[row].labels[head.name]] for row in rows])
    deep, wide = encoder[rows].astype(np.float64), linear[rows].astype(np.float64)
    deep_unit, wide_unit = 1 / temperature(encoder[rows], gold), 1 / temperature(linear[rows], gold)
    share = min(
        _SHARES,
        key=lambda s: _loss(s * deep_unit * deep + (1 - s) * wide_unit * wide, gold),
    )
    return Weights(
        encoder=round(float(share * deep_unit), 5), linear=round(float((1 - share) * wide_unit), 5)
    )


def _loss(logits: NDArray[np.float64], gold: NDArray[np.intp]) -> float:
    """Negative log-likelihood at the best temperature; logits (texts, leaves)."""
    scaled = logits.astype(np.float32)
    calibration = HeadCalibration(temperature=temperature(scaled, gold))
    probs = probabilities(scaled, calibration)
    return float(-np.log(np.maximum(probs[np.arange(len(gold)), gold], 1e-9)).mean())
