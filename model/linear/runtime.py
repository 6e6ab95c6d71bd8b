"""The linear model in numpy alone: what serves where there is no encoder."""

from __future__ import annotations

import io
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
from model.classifier import Floats, HeadPrediction, Prediction
from model.linear.columns import Columns
from model.linear.features import warm_up

KIND = "linear"
VOCABULARY = "vocabulary.txt"
WEIGHTS = "weights.npz"
# Longer texts are read to this many normalised characters, half from each end: complaints state
# the matter at the start and the demand at the end.
MAX_CHARS = 4_000
# Sums of shares that cancel leave less than this.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Vectors:
    """A text as sparse TF-IDF: feature columns and their values, and every occurrence.

    `columns` (ascending) and `values`, L2-normalised, have shape (features,); `starts`, `ends`,
    `owner`, the feature's place among the columns, and `over`, how many characters its value is
    split over, have shape (occurrences,). `known` is the share of characters in any feature.
    """

    columns: NDArray[np.intp]
    values: NDArray[np.float64]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    owner: NDArray[np.intp]
    over: NDArray[np.intp]
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


def vectorise(text: str, vocabulary: Columns, idf: NDArray[np.float32]) -> Vectors:
    """Sublinear TF-IDF of a normalised text, restricted to the vocabulary."""
    found = vocabulary.find(text)
    starts, ends = found.starts, found.ends
    columns, owner, counts = np.unique(found.columns, return_inverse=True, return_counts=True)
    values = (1.0 + np.log(counts)) * idf[columns]
    norm = float(np.sqrt((values**2).sum()))
    covered = _spread(np.ones(len(starts)), starts, ends, len(text)) > _ROUNDING
    return Vectors(
        columns=columns,
        values=values / norm if norm else values,
        starts=starts,
        ends=ends,
        owner=owner.reshape(-1),
        over=counts[owner.reshape(-1)] * (ends - starts),
        known=float(covered.mean()) if len(text) else 0.0,
    )


def _spread(
    each: NDArray[np.float64], starts: NDArray[np.intp], ends: NDArray[np.intp], length: int
) -> NDArray[np.float64]:
    """The sum of what covers each character, (characters,): `each` counts from start to end."""
    steps = np.bincount(starts, weights=each, minlength=length + 1)
    steps -= np.bincount(ends, weights=each, minlength=length + 1)
    return np.asarray(np.cumsum(steps[:length]))


@dataclass(frozen=True, slots=True)
class LinearRead:
    """The features of one text; `kept` are the characters read, None for all."""

    kept: NDArray[np.intp] | None
    vectors: Vectors


class LinearClassifier:
    """Serves a linear bundle. Immutable after loading, so any number of threads may share it."""

    def __init__(self, manifest: bundle.Manifest, taxonomy: Taxonomy, weights: LinearWeights):
        self._manifest = manifest
        self._taxonomy = taxonomy
        self._weights = weights
        self._columns = Columns(weights.vocabulary)
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
        read = self.read(text)
        heads = {name: self._answer(name, text, read, top_k) for name in self._calibration}
        return Prediction(
            heads=heads,
            unsure=tuple(
                name for name, h in heads.items() if h.confidence < self._calibration[name].review
            ),
            truncated=read.kept is not None,
            unknown_rate=round(1.0 - read.vectors.known, 4),
        )

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Uncalibrated scores per head, shape (texts, leaves)."""
        rows = [self.read(text) for text in texts]
        return {
            name: np.stack([self.scores(name, row) for row in rows]) for name in self._calibration
        }

    def shares(self, head: str, leaf: str, text: NormalisedText) -> Floats:
        """Each normalised character's share of a leaf's logit, shape (characters,).

        A feature's contribution is split over its occurrences and their characters; all shares
        plus the bias sum to the logit.
        """
        column = self._taxonomy[head].leaf_index[leaf]
        return self.telling(head, column, text, self.read(text))

    def bias(self, head: str, leaf: str) -> float:
        """What a leaf's logit is without any feature."""
        return float(self._weights.bias[head][self._taxonomy[head].leaf_index[leaf]])

    def read(self, text: NormalisedText) -> LinearRead:
        """Find the features of one text."""
        kept = kept_of(len(text.text))
        whole = text.text if kept is None else "".join(text.text[i] for i in kept)
        return LinearRead(kept, vectorise(whole, self._columns, self._weights.idf))

    def scores(self, head: str, read: LinearRead) -> Floats:
        """A head's logits, (leaves,)."""
        coef, bias = self._weights.coef[head], self._weights.bias[head]
        logits = read.vectors.values @ coef[read.vectors.columns].astype(np.float64) + bias
        return np.asarray(logits, dtype=np.float32)

    def telling(self, head: str, column: int, text: NormalisedText, read: LinearRead) -> Floats:
        """Each character's share of the leaf at `column`, (characters,)."""
        found = read.vectors
        parts = found.values * self._weights.coef[head][found.columns, column]
        each = parts[found.owner] / found.over
        length = len(text.text) if read.kept is None else len(read.kept)
        shares = _spread(each, found.starts, found.ends, length)
        if read.kept is None:
            return shares.astype(np.float32)
        whole = np.zeros(len(text.text), dtype=np.float32)
        whole[read.kept] = shares
        return whole

    def _answer(
        self, name: str, text: NormalisedText, read: LinearRead, top_k: int
    ) -> HeadPrediction:
        logits = self.scores(name, read)
        shares = self.telling(name, int(logits.argmax()), text, read)
        evidence = spans_of(text, shares)
        return answer_head(self._taxonomy[name], logits, self._calibration[name], evidence, top_k)


def kept_of(length: int) -> NDArray[np.intp] | None:
    """Which characters are read: None for all, or the two ends of a text over MAX_CHARS."""
    if length <= MAX_CHARS:
        return None
    half = MAX_CHARS // 2
    return np.concatenate([np.arange(half), np.arange(length - half, length)])
