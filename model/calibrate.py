"""Fit temperature and thresholds on held-out logits of the model as it serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.taxonomy.schema import Head
from model.answer import HeadCalibration, choose, probabilities
from model.classifier import Floats

_TEMPERATURES = np.geomspace(0.05, 10.0, 240)
# A node is the answer once it is at least as likely right as wrong by this margin; below, backing
# off to the parent tells the reader more than a guess does.
BACKOFF = 0.40


# Fewer held-out answers than this above a threshold prove nothing about it.
_FEWEST = 100
_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Promise:
    """How often an automatic answer must be right, and how sure we are of that.

    Thresholds are tested from the strictest down and the last one that passes is taken: fixed
    sequence testing of "Learn then Test" (Angelopoulos et al. 2021, arXiv:2110.01052) with the
    exact one-sided Clopper-Pearson bound, so that with probability 1 - `alpha` over the held-out
    draw the precision among unreviewed answers is at least `precision`. Right is the label or a
    second reading that a careful annotator can defend.
    """

    precision: float = 0.90
    alpha: float = 0.10


def temperature(logits: Floats, gold: NDArray[np.intp], bias: tuple[float, ...] = ()) -> float:
    """The temperature with the least negative log-likelihood; logits (n, leaves), gold (n,)."""
    rows = np.arange(len(gold))

    def loss(t: float) -> float:
        probs = probabilities(logits, HeadCalibration(temperature=t, bias=bias))
        return float(-np.log(np.maximum(probs[rows, gold], 1e-9)).mean())

    return float(min(_TEMPERATURES, key=loss))


def review_threshold(confidence: Floats, right: NDArray[np.bool_], promise: Promise) -> float:
    """The lowest confidence at which answers may go unreviewed, by `promise`; 1.0 if none may."""
    passed = 1.0
    for threshold in np.arange(1.0 - _STEP, 0.0, -_STEP):
        automatic = confidence >= threshold
        n = int(automatic.sum())
        if n < min(_FEWEST, len(confidence)):
            continue
        if _lower_bound(int(right[automatic].sum()), n, promise.alpha) < promise.precision:
            break
        passed = float(threshold)
    return round(passed, 4)


def _lower_bound(hits: int, n: int, alpha: float) -> float:
    """One-sided Clopper-Pearson lower bound of a proportion."""
    from scipy.stats import beta

    return float(beta.ppf(alpha, hits, n - hits + 1)) if hits else 0.0


def fit(
    head: Head,
    logits: Floats,
    gold: NDArray[np.intp],
    promise: Promise,
    bias: tuple[float, ...] = (),
    accepted: Sequence[Sequence[str]] | None = None,
) -> HeadCalibration:
    """Everything one head needs, from held-out logits (n, leaves) and leaf columns (n,).

    `accepted` lists per text the codes that count as right for the promise, the label and its
    second readings; without it only the label does. The temperature is fitted to the label alone.
    """
    t = temperature(logits, gold, bias)
    probs = probabilities(logits, HeadCalibration(temperature=t, bias=bias))
    answers = [choose(head, row, BACKOFF) for row in probs]
    confidence = np.array([p for _, p in answers], dtype=np.float32)
    fine = accepted or [(head.leaves[column],) for column in gold]
    right = np.array(
        [
            any(head.is_under(label, code) for label in labels)
            for labels, (code, _) in zip(fine, answers, strict=True)
        ]
    )
    return HeadCalibration(
        temperature=t,
        bias=bias,
        backoff=BACKOFF,
        review=review_threshold(confidence, right, promise),
    )
