"""Which labels are probably wrong: cleanlab over out-of-fold, calibrated probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from cleanlab.rank import get_label_quality_scores

from data.labelled import LabelledText
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import normalise
from model import bundle, calibrate
from model.answer import HeadCalibration, probabilities
from model.classifier import Floats
from model.linear.runtime import KIND, LinearClassifier
from training.linear import LinearConfig, train


@dataclass(frozen=True, slots=True)
class Suspect:
    """A text whose label looks wrong: `score` in [0, 1], low = suspicious."""

    id: str
    head: str
    label: str
    suggested: str
    score: float


def suspects(
    texts: Sequence[LabelledText],
    taxonomy: Taxonomy,
    *,
    folds: int = 4,
    config: LinearConfig | None = None,
    on_fold: Callable[[int], None] = lambda _: None,
) -> list[Suspect]:
    """All labels ranked by cleanlab's normalised margin, the most suspicious first.

    Each text is judged by a linear model that has not read it nor anything of its group.
    Labels a listed second reading would explain are left out.
    """
    fold = np.array([_fold(item, folds) for item in texts])
    logits = {
        head.name: np.zeros((len(texts), len(head.leaves)), np.float32) for head in taxonomy.heads
    }
    for k in range(folds):
        on_fold(k)
        rows = np.flatnonzero(fold == k).tolist()
        model = _model([texts[i] for i in np.flatnonzero(fold != k).tolist()], taxonomy, config)
        for name, values in model.logits([normalise(texts[i].text) for i in rows]).items():
            logits[name][rows] = values
    ranked = [s for head in taxonomy.heads for s in _rank(head, texts, logits[head.name])]
    return sorted(ranked, key=lambda s: s.score)


def _fold(item: LabelledText, folds: int) -> int:
    group = str(item.meta.get("group") or item.id)
    return int(sha256(f"fold {group}".encode()).hexdigest(), 16) % folds


def _model(
    texts: Sequence[LabelledText], taxonomy: Taxonomy, config: LinearConfig | None
) -> LinearClassifier:
    weights = train(texts, taxonomy, config or LinearConfig())
    heads = {h.name: bundle.HeadManifest.of(h, HeadCalibration()) for h in taxonomy.heads}
    return LinearClassifier(bundle.draft(KIND, taxonomy, heads), taxonomy, weights)


def _rank(head: Head, texts: Sequence[LabelledText], logits: Floats) -> list[Suspect]:
    rows = [i for i, item in enumerate(texts) if item.labels.get(head.name) in head.leaf_index]
    gold = np.array([head.leaf_index[texts[i].labels[head.name]] for i in rows])
    t = calibrate.temperature(logits[rows], gold)
    probs = probabilities(logits[rows], HeadCalibration(temperature=t))
    scores = get_label_quality_scores(gold, probs, method="normalized_margin")
    found = []
    for row, score, p in zip(rows, scores, probs, strict=True):
        suggested = head.leaves[int(p.argmax())]
        if not texts[row].accepts(head.name, suggested):
            label = texts[row].labels[head.name]
            found.append(Suspect(texts[row].id, head.name, label, suggested, float(score)))
    return found
