"""What retrains in a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from data.labelled import LabelledText
from model.classifier import Classifier


class Trainer(Protocol):
    """Makes a classifier of what is known so far; the base corpus is its own affair."""

    def start(self) -> Classifier:
        """The model before anything was labelled."""
        ...

    def fit(self, labelled: Sequence[LabelledText]) -> Classifier:
        """The model after `labelled` came to the base corpus."""
        ...
