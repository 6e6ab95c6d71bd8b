"""How alike texts are, and how much of a text others have already told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from model.classifier import Prediction

Numbers = NDArray[np.float64]
_FEATURES = 2**16
_NEIGHBOURS = 10
_BLOCK = 512


def vectors(texts: Sequence[str]) -> csr_matrix:
    """Hashed TF-IDF of character 2- and 3-grams, (texts, features), rows of length one."""
    counts = HashingVectorizer(
        analyzer="char", ngram_range=(2, 3), n_features=_FEATURES, alternate_sign=False, norm=None
    ).transform(texts)
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts)


def answers(predictions: Sequence[Prediction]) -> Numbers:
    """Square roots of all heads' probabilities, (texts, leaves), rows of length one.

    The inner product of two rows is the mean Bhattacharyya coefficient of their answers.
    """
    rows = [
        np.sqrt(np.concatenate([head.probabilities for head in p.heads.values()]))
        for p in predictions
    ]
    stacked = np.stack(rows).astype(np.float64)
    return np.asarray(stacked / np.linalg.norm(stacked, axis=1, keepdims=True))


def density(texts: csr_matrix) -> Numbers:
    """Mean likeness to the nearest other texts, (texts,): low for the odd one out."""
    n = texts.shape[0]
    k = min(_NEIGHBOURS, n - 1)
    if k < 1:
        return np.zeros(n)
    found = np.empty(n)
    for start in range(0, n, _BLOCK):
        block = np.asarray((texts[start : start + _BLOCK] @ texts.T).todense())
        rows = np.arange(len(block))
        block[rows, start + rows] = -1.0
        found[start : start + _BLOCK] = np.partition(block, -k, axis=1)[:, -k:].mean(axis=1)
    return found


class Residual:
    """What is still untold of each text, given those shown: 1 = all of it, 0 = a duplicate.

    The likeness of two texts is `share` of that of their words plus the rest of that of their
    answers. It is a kernel; showing a text conditions a Gaussian process on it, and what remains
    of the others' variance is untold (pivoted Cholesky, so memory grows with what is shown only).
    """

    def __init__(self, texts: csr_matrix, answers: Numbers, share: float) -> None:
        self._texts, self._answers, self._share = texts, answers, share
        self._columns: list[Numbers] = []
        self.untold: Numbers = np.ones(texts.shape[0])

    def show(self, row: int) -> None:
        """Take `row` as known."""
        if self.untold[row] < 1e-9:
            return
        words = np.asarray((self._texts @ self._texts[row].T).todense()).ravel()
        column = self._share * words + (1 - self._share) * (self._answers @ self._answers[row])
        for earlier in self._columns:
            column -= earlier * earlier[row]
        column /= np.sqrt(self.untold[row])
        self._columns.append(column)
        self.untold = np.clip(self.untold - column**2, 0.0, 1.0)
        self.untold[row] = 0.0
