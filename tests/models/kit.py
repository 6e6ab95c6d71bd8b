"""Bundles that differ, and a service over a registry that holds them."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from model import bundle, golden
from model.classifier import Classifier, Floats, Prediction
from model.linear.runtime import WEIGHTS
from model.registry.registry import Registry
from tests.engine.kit import SOON

GOOD, BAD = "态度真好，办事很快", "态度恶劣，没人理我"


def rewritten(
    source: Path,
    target: Path,
    *,
    temperature: float | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """The bundle with something else in it, properly written: its version says so."""
    manifest, _ = bundle.read(source)
    # What was recorded of the old one holds for it alone.
    own_to_it = (bundle.TAXONOMY, golden.FILE)
    own = {n: (source / n).read_bytes() for n in manifest.files if n not in own_to_it}
    change = {} if temperature is None else {"temperature": temperature}
    bundle.write(
        target,
        kind=manifest.kind,
        taxonomy_bytes=(source / bundle.TAXONOMY).read_bytes(),
        heads={n: head.model_copy(update=change) for n, head in manifest.heads.items()},
        files={**own, **(files or {})},
        snapshot=manifest.snapshot,
        training=manifest.training,
        metrics=manifest.metrics,
        created_at=manifest.created_at,
        runtime=manifest.runtime,
    )
    return target


def without_numbers(source: Path, target: Path) -> Path:
    """A bundle whose answers are no numbers, although each of its files is as it was written."""
    with np.load(source / WEIGHTS) as arrays:
        broken = {
            name: np.full_like(values, np.nan) if name.startswith("bias.") else values
            for name, values in arrays.items()
        }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **broken)
    return rewritten(source, target, files={WEIGHTS: buffer.getvalue()})


@dataclass(frozen=True)
class Models:
    """A registry with the champion `plain`, which says what is so, and `inverted`, which says the
    contrary; `warm` says as `plain` does, less sure. None but `plain` was ever judged.
    """

    registry: Registry
    plain: str
    inverted: str
    warm: str

    def label(self, version: str, text: str) -> str:
        """What a version says of GOOD or BAD."""
        right = "good" if text.startswith(GOOD) else "bad"
        if version != self.inverted:
            return right
        return "bad" if right == "good" else "good"

    def add(self, path: Path) -> str:
        """Register one more."""
        return self.registry.add(path, who="tests", why="test")

    def damage(self, version: str) -> None:
        """Change a registered bundle past the registry."""
        file = self.registry.path / "versions" / version / "vocabulary.txt"
        file.write_text("something else", encoding="utf-8")


def made(path: Path, plain: Path, inverted: Path) -> Models:
    """A registry at `path` with three versions."""
    registry = Registry(path / "models")
    warm = rewritten(plain, path / "warm", temperature=3.0)
    names = [registry.add(p, who="tests", why="test") for p in (plain, inverted, warm)]
    registry.promote(names[0], who="tests", why="first", force=True)
    shutil.rmtree(warm)
    return Models(registry, *names)


class Held:
    """A classifier that waits until it is let go, and remembers what it was asked."""

    def __init__(self, inner: Classifier) -> None:
        self._inner = inner
        self.begun = threading.Semaphore(0)
        self.open = threading.Event()
        self.seen: list[str] = []

    @property
    def version(self) -> str:
        return self._inner.version

    @property
    def taxonomy(self) -> Taxonomy:
        return self._inner.taxonomy

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        self.seen.append(text.original)
        self.begun.release()
        assert self.open.wait(SOON)
        return self._inner.predict(text, top_k=top_k)

    def logits(self, texts: Sequence[NormalisedText]) -> dict[str, Floats]:
        return self._inner.logits(texts)


Ask = Callable[..., dict[str, Any]]
