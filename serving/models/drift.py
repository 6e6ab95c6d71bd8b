"""The figures of drift: the last days' texts against those the champion was tuned on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import data
from data.errors import SudaError
from model.classifier import Classifier
from model.drift import Bands, FeatureDrift, drift
from model.profile import Profile, profile_like, see
from serving.models.reference import keep_reference, kept_reference, made_reference
from serving.models.shadow import wait_for
from serving.settings import Settings
from serving.telemetry.metrics import Metrics

log = logging.getLogger("suda.models")

# What the shipped model was made of; a bank's own model has its reference from `suda monitor`.
CORPUS = Path(data.__path__[0]) / "corpus"
Texts = Callable[[datetime, datetime, int], list[str]]


class _StoppedError(Exception):
    """The service ends; what was begun is given up."""


class DriftWatch:
    """Takes the figures, in spare capacity only: the texts are read again by the model.

    `classifier` gives the champion, `texts` at most so many texts received from one time to
    another, drawn by chance, `base` is what a missing reference is made of, `spare` says whether
    there is capacity that nobody else wants.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        *,
        classifier: Callable[[], Classifier],
        texts: Texts,
        spare: Callable[[], bool],
        stopped: threading.Event,
        base: Path | None = None,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._classifier = classifier
        self._texts = texts
        self._spare = spare
        self._stopped = stopped
        self._base = base or CORPUS
        self._reference: Profile | None = None
        self._without: str | None = None

    def turn(self) -> list[FeatureDrift]:
        """Take the figures anew and set the gauges; what was found, nothing without a reference."""
        classifier = self._classifier()
        try:
            found = self._found(classifier)
        except _StoppedError:
            return []
        self._metrics.drift.clear()
        for feature in found:
            if feature.band != "too_few":
                self._metrics.drift.labels("psi", feature.feature).set(feature.psi)
                self._metrics.drift.labels("js", feature.feature).set(feature.jensen_shannon)
        return found

    def _found(self, classifier: Classifier) -> list[FeatureDrift]:
        reference = self._reference_of(classifier)
        if reference is None:
            return []
        until = datetime.now(UTC)
        since = until - timedelta(days=self._settings.drift_days)
        texts = self._texts(since, until, self._settings.drift_texts)
        if len(texts) < Bands().min_n:
            return []
        return drift(reference, profile_like(see(texts, classifier, self._pause), reference))

    def _reference_of(self, classifier: Classifier) -> Profile | None:
        if self._reference is not None and self._reference.model == classifier.version:
            return self._reference
        if self._without == classifier.version:
            return None
        self._reference = None
        directory = self._settings.drift_reference
        try:
            self._reference = kept_reference(classifier.version, directory)
            if self._reference is None:
                self._reference = made_reference(classifier, self._base, self._pause)
                keep_reference(self._reference, directory)
        except OSError as error:
            log.warning("the reference is not kept: %s: %s", directory, error.strerror)
        except SudaError as error:
            self._without = classifier.version
            log.warning("no drift is measured, for want of a reference: %s", error)
        return self._reference

    def _pause(self, _: int) -> None:
        if not wait_for(self._spare, self._stopped):
            raise _StoppedError
