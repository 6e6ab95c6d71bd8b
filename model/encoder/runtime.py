"""The encoder as it serves: onnxruntime and tokenizers, no torch.

One unpadded run per text: on a processor batching saves nothing and padding costs. The caller's
threads are the parallelism, as many as `model.threads.effective_cpus` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import BundleError
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model import bundle
from model.answer import answer_head, spans_of
from model.classifier import Floats, HeadPrediction, Prediction
from model.encoder.novelty import FILE as NOVELTY
from model.encoder.novelty import Novelty
from model.encoder.session import Session, open_session
from model.encoder.tokens import TokenReader, Tokens

KIND = "encoder"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"


class Runtime(BaseModel):
    """What the manifest says beside files and heads.

    `heads` gives the order of the heads in the scores; `max_tokens` is the longest text read whole.
    """

    model_config = ConfigDict(extra="ignore")
    max_tokens: int = Field(ge=4)
    heads: list[str]


@dataclass(frozen=True, slots=True)
class Shares:
    """One leaf's logit taken apart: `characters` (characters,) + `elsewhere` + `bias`.

    `elsewhere` is the share of tokens without a character: the special ones at both ends.
    """

    characters: Floats
    elsewhere: float
    bias: float

    @property
    def total(self) -> float:
        """The logit."""
        return float(self.characters.sum(dtype=np.float64)) + self.elsewhere + self.bias


@dataclass(frozen=True, slots=True)
class Parts:
    """What an encoder classifier is made of; `novelty` is None where none was fitted yet."""

    session: Session
    reader: TokenReader
    novelty: Novelty | None


@dataclass(frozen=True, slots=True)
class EncoderRead:
    """One text after the run: `scores` (tokens, leaves), `logits` (leaves,), `pooled` (hidden,)."""

    tokens: Tokens
    scores: Floats
    logits: Floats
    pooled: Floats

    @property
    def truncated(self) -> bool:
        """Whether the middle was left out."""
        return self.tokens.truncated

    @property
    def unknown(self) -> float:
        """Share of characters that no piece covers."""
        return self.tokens.unknown


class EncoderClassifier:
    """Serves an encoder bundle. Immutable after loading, so any number of threads may share it."""

    def __init__(self, manifest: bundle.Manifest, taxonomy: Taxonomy, parts: Parts):
        self._manifest = manifest
        self._taxonomy = taxonomy
        self._parts = parts
        self._calibration = {name: h.calibration() for name, h in manifest.heads.items()}
        self._columns = _columns(manifest)
        self._check()

    @classmethod
    def load(cls, path: Path) -> EncoderClassifier:
        """Load and verify the bundle at `path`. Raises BundleError."""
        manifest, taxonomy = bundle.read(path)
        for name in (MODEL, TOKENIZER, NOVELTY):
            if name not in manifest.files:
                raise BundleError(f"{name} is not among its files", field=str(path))
        runtime = runtime_of(manifest)
        parts = Parts(
            session=open_session(path / MODEL),
            reader=TokenReader.load(path / TOKENIZER, runtime.max_tokens),
            novelty=Novelty.load(path / NOVELTY),
        )
        return cls(manifest, taxonomy, parts)

    @property
    def manifest(self) -> bundle.Manifest:
        """What the bundle says of itself."""
        return self._manifest

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self._manifest.version

    @property
    def taxonomy(self) -> Taxonomy:
        """The bundle's own taxonomy."""
        return self._taxonomy

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        """Answer every head, with each token's exact share of the chosen leaf's logit."""
        read = self.read(text)
        heads = {name: self._answer(name, text, read, top_k) for name in self._columns}
        return Prediction(
            heads=heads,
            unsure=tuple(
                name for name, h in heads.items() if h.confidence < self._calibration[name].review
            ),
            truncated=read.tokens.truncated,
            unknown_rate=round(read.tokens.unknown, 4),
            novelty=self.novelty(read),
        )

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Uncalibrated scores per head, shape (texts, leaves)."""
        rows = [self.read(text).logits for text in texts]
        stacked = np.stack(rows) if rows else np.zeros((0, self._width), dtype=np.float32)
        return {name: stacked[:, columns] for name, columns in self._columns.items()}

    def pooled(self, texts: Sequence[NormalisedText]) -> Floats:
        """Embeddings that the heads read, shape (texts, hidden)."""
        return np.stack([self.read(text).pooled for text in texts])

    def shares(self, head: str, leaf: str, text: NormalisedText) -> Shares:
        """Take a leaf's logit apart; the parts sum to it."""
        read = self.read(text)
        column = self._columns[head].start + self._taxonomy[head].leaf_index[leaf]
        scores = read.scores[:, column]
        return Shares(
            characters=read.tokens.spread(scores, len(text.text)),
            elsewhere=read.tokens.elsewhere(scores),
            bias=float(read.logits[column] - scores.sum(dtype=np.float64)),
        )

    def read(self, text: NormalisedText) -> EncoderRead:
        """Run one text."""
        tokens = self._parts.reader.read(text)
        scores, logits, pooled = self._parts.session.run(tokens.ids[None])
        return EncoderRead(tokens, scores[0], logits[0], pooled[0])

    def scores(self, head: str, read: EncoderRead) -> Floats:
        """A head's logits, (leaves,)."""
        return read.logits[self._columns[head]]

    def telling(self, head: str, column: int, text: NormalisedText, read: EncoderRead) -> Floats:
        """The characters that tell for a leaf, see `telling` below, (characters,)."""
        return telling(read.tokens, read.scores[:, self._columns[head]], column, text)

    def novelty(self, read: EncoderRead) -> float | None:
        """Out-of-domain score, None where none was fitted."""
        novelty = self._parts.novelty
        return round(novelty.score(read.pooled), 4) if novelty else None

    def _answer(
        self, name: str, text: NormalisedText, read: EncoderRead, top_k: int
    ) -> HeadPrediction:
        logits = self.scores(name, read)
        shares = self.telling(name, int(logits.argmax()), text, read)
        evidence = spans_of(text, shares)
        return answer_head(self._taxonomy[name], logits, self._calibration[name], evidence, top_k)

    @property
    def _width(self) -> int:
        return sum(columns.stop - columns.start for columns in self._columns.values())

    def _check(self) -> None:
        """Run one text, so that a graph of another shape is refused and the first is as fast."""
        _, logits, _ = self._parts.session.run(np.full((1, 4), self._parts.reader.pad))
        if logits.shape[1] != self._width:
            raise BundleError(
                f"{MODEL} scores {logits.shape[1]} leaves, its heads have {self._width}",
                field=self.version,
            )


def telling(tokens: Tokens, scores: Floats, column: int, text: NormalisedText) -> Floats:
    """Exact shares of a leaf's logit, (characters,), and 0 where a character tells little.

    In a transformer every token carries some of the text's gist, so that each one's share is
    positive. What tells is a share that stands out twice: from those of the head's other leaves
    (only differences of logits matter) and from the text's average. `scores` is (tokens, leaves).
    """
    shares = tokens.spread(scores[:, column], len(text.text))
    contrast = tokens.spread(scores[:, column] - scores.mean(axis=1), len(text.text))
    floor = contrast.mean() if len(contrast) else 0.0
    return np.where(contrast > floor, shares, np.float32(0))


def runtime_of(manifest: bundle.Manifest) -> Runtime:
    """The encoder's part of the manifest. Raises BundleError naming the field at fault."""
    try:
        return Runtime.model_validate(manifest.runtime)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("runtime", *first["loc"]))
        raise BundleError(f"{where}: {first['msg']}", field=manifest.version) from error


def _columns(manifest: bundle.Manifest) -> dict[str, slice]:
    order = runtime_of(manifest).heads
    if sorted(order) != sorted(manifest.heads):
        raise BundleError("runtime.heads are not the bundle's heads", field=manifest.version)
    found, start = {}, 0
    for name in order:
        stop = start + len(manifest.heads[name].leaves)
        found[name] = slice(start, stop)
        start = stop
    return found
