"""How unlike the training texts a text is: a distance in the space the heads read."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError
from model.classifier import Floats

FILE = "novelty.npz"
# A covariance of few texts is pulled towards a ball by this share, lest it calls every direction
# that training happened not to use infinitely far.
_SHRINKAGE = 0.1
# Of in-domain texts held out from training, this share lies below a score of one.
_WITHIN = 0.995


@dataclass(frozen=True, slots=True)
class Novelty:
    """Mahalanobis distance (Mahalanobis 1936; for out-of-domain text, arXiv:2106.09022), scaled.

    `mean` is (hidden,); `whiten` (hidden, hidden) makes the training texts a unit ball; a distance
    of `typical` scores 0 and one of `limit` scores 1.
    """

    mean: Floats
    whiten: Floats
    typical: float
    limit: float

    @classmethod
    def fit(cls, training: Floats, held_out: Floats) -> Novelty:
        """From pooled embeddings, (texts, hidden) each. Raises BundleError below two texts."""
        if len(training) < 2 or len(held_out) < 2:
            raise BundleError("expected at least two texts to fit on", field="novelty")
        mean = training.mean(axis=0, dtype=np.float64)
        whiten = _whitening(training - mean)
        distances = np.linalg.norm((held_out - mean) @ whiten, axis=1)
        typical, limit = np.quantile(distances, (0.5, _WITHIN))
        gap = max(float(limit - typical), 1e-6)
        return cls(
            mean.astype(np.float32),
            whiten.astype(np.float32),
            float(typical),
            float(typical) + gap,
        )

    def score(self, pooled: Floats) -> float:
        """Of one text's pooled embedding (hidden,): 0 = typical, from 1 on beyond the limit."""
        distance = float(np.linalg.norm((pooled - self.mean) @ self.whiten))
        return max(0.0, (distance - self.typical) / (self.limit - self.typical))

    def dump(self) -> bytes:
        """As stored in a bundle."""
        buffer = io.BytesIO()
        scales = np.array([self.typical, self.limit])
        np.savez_compressed(buffer, mean=self.mean, whiten=self.whiten, scales=scales)
        return buffer.getvalue()

    @classmethod
    def load(cls, source: Path | io.BytesIO) -> Novelty:
        """What `dump` wrote. Raises BundleError where an array is missing."""
        with np.load(source, allow_pickle=False) as arrays:
            try:
                typical, limit = arrays["scales"].tolist()
                return cls(arrays["mean"], arrays["whiten"], typical, limit)
            except KeyError as error:
                raise BundleError(f"{FILE}: {error}", field="novelty") from error


def _whitening(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric inverse root of the shrunk covariance, (hidden, hidden)."""
    covariance = centred.T @ centred / len(centred)
    size = covariance.trace() / len(covariance)
    shrunk = (1 - _SHRINKAGE) * covariance
    shrunk[np.diag_indices_from(shrunk)] += _SHRINKAGE * size + 1e-12
    values, vectors = np.linalg.eigh(shrunk)
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)
