"""Train the linear model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from data.labelled import LabelledText
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import normalise
from model.linear.columns import Columns
from model.linear.features import featurise
from model.linear.runtime import LinearWeights, vectorise

Start = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """Hyper-parameters, chosen on the corpus' own development split (docs/results.md).

    `alternative_weight` is the share of a text's weight that goes to its second readings,
    `balance` the power of inverse class frequency in the class weights (0 = none, 1 = full).
    """

    min_texts: int = 3
    max_features: int = 40_000
    inverse_regularisation: float = 20.0
    alternative_weight: float = 0.2
    balance: float = 0.3
    max_iterations: int = 300
    seed: int = 20261122


def train(
    texts: Sequence[LabelledText],
    taxonomy: Taxonomy,
    config: LinearConfig,
    on_head: Callable[[str], None] = lambda _: None,
) -> LinearWeights:
    """Fit one multinomial logistic regression per head; `on_head` is told as each begins."""
    normalised = [normalise(item.text).text for item in texts]
    vocabulary, idf = _vocabulary(normalised, config)
    matrix = matrix_of(normalised, vocabulary, idf)
    coef, bias = {}, {}
    for head in taxonomy.heads:
        on_head(head.name)
        coef[head.name], bias[head.name] = fit_head(head, texts, matrix, config)
    return LinearWeights(vocabulary=vocabulary, idf=idf, coef=coef, bias=bias)


def _vocabulary(
    texts: Sequence[str], config: LinearConfig
) -> tuple[dict[str, int], NDArray[np.float32]]:
    frequency: Counter[str] = Counter()
    for text in texts:
        frequency.update(set(featurise(text).names))
    common = [(n, name) for name, n in frequency.items() if n >= config.min_texts]
    kept = sorted(common, key=lambda item: (-item[0], item[1]))[: config.max_features]
    names = sorted(name for _, name in kept)
    counts = np.array([frequency[name] for name in names], dtype=np.float64)
    idf = np.log((1 + len(texts)) / (1 + counts)) + 1
    return {name: column for column, name in enumerate(names)}, idf.astype(np.float32)


def matrix_of(
    texts: Sequence[str], vocabulary: Mapping[str, int], idf: NDArray[np.float32]
) -> csr_matrix:
    """Normalised texts as the model reads them, (texts, features)."""
    columns = Columns(vocabulary)
    rows = [vectorise(text, columns, idf) for text in texts]
    return csr_matrix(
        (
            np.concatenate([row.values for row in rows]),
            np.concatenate([row.columns for row in rows]),
            np.cumsum([0, *(len(row.columns) for row in rows)]),
        ),
        shape=(len(rows), len(vocabulary)),
    )


def fit_head(
    head: Head,
    texts: Sequence[LabelledText],
    matrix: csr_matrix,
    config: LinearConfig,
    *,
    factors: NDArray[np.float64] | None = None,
    start: Start | None = None,
) -> Start:
    """Coefficients (features, leaves) and biases (leaves,) of one head.

    `factors` (texts,) says how much each text counts; `start` is where the search begins. The
    problem is convex, so a good start shortens the way and does not change where it ends, within
    the tolerance, which is finer from a start lest it counts as the end.
    """
    rows, targets, weights = _targets(head, texts, config)
    if factors is not None:
        weights = weights * factors[rows]
    counts = np.bincount(targets, weights=weights, minlength=len(head.leaves))
    mean = counts[counts > 0].mean()
    scale = np.where(counts > 0, (mean / np.maximum(counts, 1e-9)) ** config.balance, 0.0)
    model = LogisticRegression(
        C=config.inverse_regularisation,
        max_iter=config.max_iterations,
        tol=1e-3 if start is None else 3e-4,
        warm_start=start is not None,
    )
    if start is not None:
        _begin(model, np.unique(targets), *start)
    model.fit(matrix[rows], targets, sample_weight=weights * scale[targets])
    return _spread(model, head, matrix.shape[1])


def _begin(
    model: LogisticRegression,
    classes: NDArray[np.intp],
    coef: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> None:
    """Give a model that is not fitted yet the state a warm start reads; undoes `_spread`."""
    columns, biases = coef[:, classes].T.astype(np.float64), bias[classes].astype(np.float64)
    if len(classes) == 2:
        columns, biases = columns[1:] - columns[:1], biases[1:] - biases[:1]
    model.classes_, model.coef_, model.intercept_ = classes, columns, biases


def _targets(
    head: Head, texts: Sequence[LabelledText], config: LinearConfig
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Rows, leaf columns and weights; second readings become weighted copies of their row."""
    found: list[tuple[int, int, float]] = []
    for row, item in enumerate(texts):
        gold = head.leaf_index.get(item.labels.get(head.name, ""))
        if gold is None:
            continue
        others = [
            head.leaf_index[code]
            for code in item.alternatives.get(head.name, ())
            if code in head.leaf_index
        ]
        spare = config.alternative_weight if others else 0.0
        found.append((row, gold, 1.0 - spare))
        found.extend((row, other, spare / len(others)) for other in others)
    rows, targets, weights = zip(*found, strict=True)
    return np.array(rows), np.array(targets), np.array(weights)


def _spread(model: LogisticRegression, head: Head, features: int) -> Start:
    """Columns for all leaves; one never seen in training gets a bias that keeps it last."""
    coef = np.zeros((features, len(head.leaves)), dtype=np.float32)
    bias = np.full(len(head.leaves), float(model.intercept_.min()) - 8.0, dtype=np.float32)
    if len(model.classes_) == 2:
        # Half to each side: the same probabilities, and both labels have evidence.
        sides = np.array((-0.5, 0.5), dtype=np.float32)
        coef[:, model.classes_] = np.outer(model.coef_[0], sides)
        bias[model.classes_] = model.intercept_[0] * sides
    else:
        coef[:, model.classes_] = model.coef_.T
        bias[model.classes_] = model.intercept_
    return coef, bias
