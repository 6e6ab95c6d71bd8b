"""How much of an encoder's and of a linear model's logits make the best blend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

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
    worth: float = 0.0,
) -> dict[str, Weights]:
    """Per head, the weights under which the texts' labels are most likely.

    `encoder` and `linear` hold held-out logits, (texts, leaves) each, in the order of `texts`.
    Each side is first brought to its own temperature, so that the weights compare like with like;
    a head that no text is labelled for takes both alike. Where the linear model gains no head more
    than `worth` (nats, in a label's mean log-likelihood), it weighs nothing in any of them: to read
    the words of a text costs as much for one head as for all.
    """
    fitted = {
        head.name: _fit(head, encoder[head.name], linear[head.name], texts)
        for head in taxonomy.heads
    }
    alone = all(choice.gain <= worth for choice in fitted.values())
    return {name: choice.alone if alone else choice.best for name, choice in fitted.items()}


@dataclass(frozen=True, slots=True)
class _Choice:
    """The best weights, those of the encoder alone, and what the first gain over the second."""

    best: Weights
    alone: Weights
    gain: float


def _fit(head: Head, encoder: Floats, linear: Floats, texts: Sequence[LabelledText]) -> _Choice:
    rows = [i for i, item in enumerate(texts) if item.labels.get(head.name) in head.leaf_index]
    if not rows:
        return _Choice(Weights(0.5, 0.5), Weights(1.0, 0.0), inf)
    gold = np.array([head.leaf_index[texts[row].labels[head.name]] for row in rows])
    deep, wide = encoder[rows].astype(np.float64), linear[rows].astype(np.float64)
    deep_unit, wide_unit = 1 / temperature(encoder[rows], gold), 1 / temperature(linear[rows], gold)
    losses = [_loss(s * deep_unit * deep + (1 - s) * wide_unit * wide, gold) for s in _SHARES]
    best = int(np.argmin(losses))

    def weights(share: float) -> Weights:
        return Weights(round(share * deep_unit, 5), round((1 - share) * wide_unit, 5))

    # The last share is 1: the encoder alone.
    return _Choice(weights(float(_SHARES[best])), weights(1.0), losses[-1] - losses[best])


def _loss(logits: NDArray[np.float64], gold: NDArray[np.intp]) -> float:
    """Negative log-likelihood at the best temperature; logits (texts, leaves)."""
    scaled = logits.astype(np.float32)
    calibration = HeadCalibration(temperature=temperature(scaled, gold))
    probs = probabilities(scaled, calibration)
    return float(-np.log(np.maximum(probs[np.arange(len(gold)), gold], 1e-9)).mean())
