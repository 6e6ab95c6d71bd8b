"""From logits to an answer: one numpy path for every classifier, in serving and evaluation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.taxonomy.schema import Head
from data.text.normalise import NormalisedText
from model.classifier import Evidence, Floats, HeadPrediction

MAX_EVIDENCE = 5
# Bytes of booleans, and within such a run: a span of evidence ends where a clause does.
_RUN = re.compile(rb"\x01+")
_CLAUSE = re.compile(r"[^\n。!?;,]+")


@dataclass(frozen=True, slots=True)
class HeadCalibration:
    """What was fitted on held-out data for one head.

    `temperature` and `bias` (leaves,) make probabilities of logits: softmax(logits / T + bias);
    `bias` carries a shift of class priors (zeros = none). `backoff` is the probability a node of a
    tree must reach to be the answer, `review` the confidence under which a person looks.
    """

    temperature: float = 1.0
    bias: tuple[float, ...] = ()
    backoff: float = 0.5
    review: float = 0.5


def probabilities(logits: Floats, calibration: HeadCalibration) -> Floats:
    """Calibrated softmax over the last axis."""
    scaled = logits.astype(np.float64) / calibration.temperature
    if calibration.bias:
        scaled = scaled + np.asarray(calibration.bias)
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponentials = np.exp(scaled)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), dtype=np.float32)


def choose(head: Head, probs: Floats, backoff: float) -> tuple[str, float]:
    """The answer and its probability: the leaf, or in a tree the deepest node that is sure enough.

    Where not even a root clears `backoff`, the most probable root answers.
    """
    best = int(probs.argmax())
    leaf, top = head.leaves[best], float(probs[best])
    if head.kind != "tree" or top >= backoff:
        return leaf, top
    rolled = [(code, float(probs[list(cols)].sum())) for code, cols in head.leaves_under.items()]
    clearing = [(len(head.path(code)), p, code) for code, p in rolled if p >= backoff]
    if clearing:
        _, p, code = max(clearing)
        return code, p
    code, p = max((item for item in rolled if len(head.path(item[0])) == 1), key=lambda x: x[1])
    return code, p


def answer_head(
    head: Head,
    logits: Floats,
    calibration: HeadCalibration,
    evidence: tuple[Evidence, ...],
    top_k: int,
) -> HeadPrediction:
    """Answer one head from its logits, shape (leaves,)."""
    probs = probabilities(logits, calibration)
    order = np.argsort(-probs, kind="stable")
    leaf = head.leaves[int(order[0])]
    code, confidence = choose(head, probs, calibration.backoff)
    return HeadPrediction(
        head=head.name,
        code=code,
        confidence=min(confidence, 1.0),
        leaf=leaf,
        backed_off=code != leaf,
        probabilities=probs,
        alternatives=tuple(
            (head.leaves[int(i)], float(probs[i]))
            for i in order[: top_k + 1]
            if head.leaves[int(i)] != code
        )[:top_k],
        evidence=evidence,
    )


def spans_of(text: NormalisedText, shares: Sequence[float] | Floats) -> tuple[Evidence, ...]:
    """The strongest runs of characters that speak for a label.

    `shares` holds each normalised character's share of the label's logit. Neighbouring characters
    with positive share join into a span; the strongest few are returned in text order.
    """
    values = np.asarray(shares, dtype=np.float64)
    floor = 0.05 * max(float(values.max(initial=0.0)), 1e-9)
    before = [0.0, *np.cumsum(values).tolist()]
    runs = [
        (before[piece.end()] - before[piece.start()], *piece.span())
        for run in _RUN.finditer((values > floor).tobytes())
        for piece in _CLAUSE.finditer(text.text, *run.span())
    ]
    strongest = sorted(runs, reverse=True)[:MAX_EVIDENCE]
    evidence = []
    for weight, first, last in sorted(strongest, key=lambda run: run[1]):
        a, b = text.span(first, last)
        evidence.append(Evidence(a, b, text.original[a:b], round(weight, 4)))
    return tuple(evidence)
