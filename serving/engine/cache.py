"""Predictions remembered for texts that come again word for word: templates, double clicks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

from cachetools import LRUCache

from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model.classifier import Classifier, Floats, Prediction


class CachedClassifier:
    """A classifier that remembers its last `size` predictions.

    It belongs to the one bundle it was made for, so another bundle never answers from it. The key
    is a hash of the normalised text and of the original, since evidence is reported as spans of
    the latter. Only the prediction is remembered: rules, routing and deadlines are always anew.
    """

    def __init__(self, classifier: Classifier, size: int) -> None:
        self._classifier = classifier
        self._lock = threading.Lock()
        self._known: LRUCache[tuple[bytes, int], Prediction] = LRUCache(size)
        self.hits = 0
        self.misses = 0

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self._classifier.version

    @property
    def taxonomy(self) -> Taxonomy:
        """The bundle's taxonomy."""
        return self._classifier.taxonomy

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        """The prediction made before, or a new one."""
        key = (self._key(text), top_k)
        with self._lock:
            known = self._known.get(key)
            self.hits += known is not None
            self.misses += known is None
        if known is not None:
            return known
        prediction = self._classifier.predict(text, top_k=top_k)
        with self._lock:
            self._known[key] = prediction
        return prediction

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        """Always computed."""
        return self._classifier.logits(texts)

    def _key(self, text: NormalisedText) -> bytes:
        parts = (self.version, text.text, text.original)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
