"""What the suite's tests share: a classifier that answers as told, and small suites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from eval.suite.config import SuiteConfig, parse
from model.answer import HeadCalibration, answer_head, probabilities
from model.bundle import HeadManifest, Manifest, draft
from model.classifier import Floats, Prediction

WHEN = datetime(2026, 11, 23, 2, tzinfo=UTC)


def suite(**tables: Any) -> SuiteConfig:
    """A suite of few draws and small slices."""
    return parse(
        {
            "version": "test",
            "draws": 60,
            "slices": {"min_texts": 8, "worst": 3},
            "operating": {"timed": 5, "repeated": 4},
            **tables,
        },
        name="test.toml",
    )


@dataclass(frozen=True)
class Told:
    """Answers every text as `answers` says (head → leaf), surely unless `sure` is lower."""

    taxonomy: Taxonomy
    answers: Callable[[str], Mapping[str, str]]
    sure: float = 0.99
    version: str = "told-1"

    @property
    def manifest(self) -> Manifest:
        heads = {
            head.name: HeadManifest.of(head, HeadCalibration(backoff=0.4, review=0.5))
            for head in self.taxonomy.heads
        }
        return draft("told", self.taxonomy, heads)

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        heads = {
            head.name: answer_head(head, logits, HeadCalibration(backoff=0.4), (), top_k)
            for head in self.taxonomy.heads
            for logits in [self._logits(text, head.name)]
        }
        return Prediction(heads, (), truncated=False, unknown_rate=0.0)

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        return {
            head.name: np.stack([self._logits(text, head.name) for text in texts])
            for head in self.taxonomy.heads
        }

    def _logits(self, text: NormalisedText, name: str) -> Floats:
        head = self.taxonomy[name]
        n = len(head.leaves)
        logits = np.zeros(n, dtype=np.float32)
        leaf = self.answers(text.original).get(name, head.leaves[0])
        logits[head.leaf_index[leaf]] = np.log(self.sure * (n - 1) / (1 - self.sure))
        assert probabilities(logits, HeadCalibration()).max() > self.sure - 0.01
        return logits


def knowing(texts: Sequence[LabelledText]) -> Callable[[str], Mapping[str, str]]:
    """The labels of the texts themselves."""
    by_text = {item.text: item.labels for item in texts}
    return lambda text: by_text[text]
