"""The linear model in numpy alone: what serves where there is no encoder."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model import bundle
from model.answer import answer_head, spans_of
from model.classifier import Evidence, Floats, HeadPrediction, Prediction
from model.linear.features import featurise, warm_up

KIND = "linear"
VOCABULARY = "vocabulary.txt"
WEIGHTS = "weights.npz"
# Longer texts are read to this many normalised characters, half from each end: complaints state
# the matter at the start and the demand at the end.
MAX_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Vectors:
    """A text as sparse TF-IDF: feature columns and their values, and every occurrence.

    `columns` and `values` have shape (features,), L2-normalised; `occurrences` lists (start, end)
    per feature in the same order.
    """

    columns: NDArray[np.intp]
    values: NDArray[np.float64]
    occurrences: list[list[tuple[int, int]]]
    known: float


@dataclass(frozen=True)
class LinearWeights:
    """Trained arrays: `idf` (features,), per head `coef` (features, leaves), `bias` (leaves,)."""

    vocabulary: Mapping[str, int]
    idf: NDArray[np.float32]
    coef: Mapping[str, NDArray[np.float32]]
    bias: Mapping[str, NDArray[np.float32]]

    def files(self) -> dict[str, bytes]:
        """As stored in a bundle: half precision, which changes no third decimal."""
        arrays: dict[str, NDArray[np.floating]] = {"idf": self.idf.astype(np.float16)}
        for head in self.coef:
            arrays[f"coef.{head}"] = self.coef[head].astype(np.float16)
            arrays[f"bias.{head}"] = self.bias[head]
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        names = sorted(self.vocabulary, key=self.vocabulary.__getitem__)
        return {VOCABULARY: "\n".join(names).encode(), WEIGHTS: buffer.getvalue()}

    @classmethod
    def load(cls, path: Path, heads: Sequence[str]) -> LinearWeights:
        """Read the arrays of a verified bundle. Raises BundleError where one is missing."""
        names = (path / VOCABULARY).read_text(encoding="utf-8").split("\n")
        with np.load(path / WEIGHTS, allow_pickle=False) as arrays:
            try:
                return cls(
                    vocabulary={name: column for column, name in enumerate(names)},
                    idf=arrays["idf"].astype(np.float32),
                    coef={h: arrays[f"coef.{h}"].astype(np.float32) for h in heads},
                    bias={h: arrays[f"bias.{h}"].astype(np.float32) for h in heads},
                )
            except KeyError as error:
                raise BundleError(f"{WEIGHTS}: {error}", field=str(path)) from error


def vectorise(text: str, vocabulary: Mapping[str, int], idf: NDArray[np.float32]) -> Vectors:
    """Sublinear TF-IDF of a normalised text, restricted to the vocabulary."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    covered = np.zeros(len(text), dtype=bool)
    for feature in featurise(text):
        column = vocabulary.get(feature.name)
        if column is not None:
            found[column].append((feature.start, feature.end))
            covered[feature.start : feature.end] = True
    columns = np.fromiter(found, dtype=np.intp, count=len(found))
    counts = np.fromiter((len(spans) for spans in found.values()), dtype=np.float64)
    values = (1.0 + np.log(counts)) * idf[columns] if len(columns) else counts
    norm = float(np.sqrt((values**2).sum()))
    return Vectors(
        columns=columns,
        values=values / norm if norm else values,
        occurrences=list(found.values()),
        known=float(covered.mean()) if len(text) else 0.0,
    )


class LinearClassifier:
    """Serves a linear bundle. Immutable after loading, so any number of threads may share it."""

    def __init__(self, manifest: bundle.Manifest, taxonomy: Taxonomy, weights: LinearWeights):
        self._manifest = manifest
        self._taxonomy = taxonomy
        self._weights = weights
        self._calibration = {name: h.calibration() for name, h in manifest.heads.items()}
        warm_up()

    @classmethod
    def load(cls, path: Path) -> LinearClassifier:
        """Load and verify the bundle at `path`. Raises BundleError."""
        manifest, taxonomy = bundle.read(path)
        return cls(manifest, taxonomy, LinearWeights.load(path, list(manifest.heads)))

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
        read, truncated = head_and_tail(text)
        vectors = vectorise(read.text, self._weights.vocabulary, self._weights.idf)
        heads = {name: self._answer(name, read, vectors, top_k) for name in self._calibration}
        return Prediction(
            heads=heads,
            unsure=tuple(
                name for name, h in heads.items() if h.confidence < self._calibration[name].review
            ),
            truncated=truncated,
            unknown_rate=round(1.0 - vectors.known, 4),
        )

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Uncalibrated scores per head, shape (texts, leaves)."""
        rows = [
            vectorise(head_and_tail(t)[0].text, self._weights.vocabulary, self._weights.idf)
            for t in texts
        ]
        return {
            name: np.stack([self._logits(name, row) for row in rows]) for name in self._calibration
        }

    def shares(self, head: str, leaf: str, text: NormalisedText) -> Floats:
        """Each normalised character's share of a leaf's logit, shape (characters,).

        A feature's contribution is split over its occurrences and their characters; all shares
        plus the bias sum to the logit.
        """
        vectors = vectorise(text.text, self._weights.vocabulary, self._weights.idf)
        return self._shares(head, self._taxonomy[head].leaf_index[leaf], len(text.text), vectors)

    def _answer(
        self, name: str, text: NormalisedText, vectors: Vectors, top_k: int
    ) -> HeadPrediction:
        head = self._taxonomy[name]
        logits = self._logits(name, vectors)
        shares = self._shares(name, int(logits.argmax()), len(text.text), vectors)
        evidence: tuple[Evidence, ...] = spans_of(text, shares)
        return answer_head(head, logits, self._calibration[name], evidence, top_k)

    def _logits(self, name: str, vectors: Vectors) -> Floats:
        coef, bias = self._weights.coef[name], self._weights.bias[name]
        logits = vectors.values @ coef[vectors.columns].astype(np.float64) + bias
        return np.asarray(logits, dtype=np.float32)

    def _shares(self, name: str, column: int, length: int, vectors: Vectors) -> Floats:
        parts = vectors.values * self._weights.coef[name][vectors.columns, column]
        shares = np.zeros(length)
        for part, spans in zip(parts, vectors.occurrences, strict=True):
            for start, end in spans:
                shares[start:end] += part / (len(spans) * (end - start))
        return np.asarray(shares, dtype=np.float32)


def head_and_tail(text: NormalisedText) -> tuple[NormalisedText, bool]:
    """The text as read: whole, or its two ends where it is longer than MAX_CHARS."""
    if len(text.text) <= MAX_CHARS:
        return text, False
    keep = [*range(MAX_CHARS // 2), *range(len(text.text) - MAX_CHARS // 2, len(text.text))]
    return (
        NormalisedText(
            original=text.original,
            text="".join(text.text[i] for i in keep),
            starts=tuple(text.starts[i] for i in keep),
            ends=tuple(text.ends[i] for i in keep),
        ),
        True,
    )
