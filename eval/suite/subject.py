"""A bundle to be tried: loaded as it serves, with what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import bundle
from model.bundle import Manifest
from model.calibrate import Promise
from model.classifier import Classifier
from model.runtime import load
from model.seen import SeenTexts
from model.seen import load as load_seen


@dataclass(frozen=True)
class Subject:
    """The served artefact; `seen` is None where the bundle does not say what it learnt from."""

    path: Path
    classifier: Classifier
    manifest: Manifest
    seen: SeenTexts | None

    @classmethod
    def load(cls, path: Path) -> Subject:
        """Open the bundle at `path`. Raises BundleError naming it and what is wrong with it."""
        classifier = load(path)
        return cls(path, classifier, bundle.read(path)[0], load_seen(path))

    @property
    def size_mb(self) -> float:
        """All its files, in 10⁶ bytes."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file()) / 1e6

    @property
    def promised(self) -> tuple[float | None, float | None]:
        """Precision and alpha that its thresholds were fitted for, where the manifest says."""
        stated: Any = self.manifest.training.get("promise")
        if not isinstance(stated, dict):
            return None, None
        return _number(stated.get("precision")), _number(stated.get("alpha"))

    @property
    def precision(self) -> float:
        """The precision to hold its unreviewed answers to."""
        return self.promised[0] or Promise().precision


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
