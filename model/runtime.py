"""Open whatever bundle a path holds. Torch-free."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.errors import BundleError
from model import bundle
from model.blend.runtime import KIND as BLEND
from model.blend.runtime import BlendClassifier
from model.classifier import Classifier
from model.encoder.runtime import KIND as ENCODER
from model.encoder.runtime import EncoderClassifier
from model.linear.runtime import KIND as LINEAR
from model.linear.runtime import LinearClassifier

# The bundle that comes with the code, and that `make serve` serves.
SHIPPED = Path(__file__).parent / "shipped"

_KINDS: dict[str, Callable[[Path], Classifier]] = {
    LINEAR: LinearClassifier.load,
    ENCODER: EncoderClassifier.load,
    BLEND: BlendClassifier.load,
}


def load(path: Path = SHIPPED) -> Classifier:
    """Load the bundle at `path`. Raises BundleError naming the bundle and what is wrong with it."""
    kind = bundle.read(path)[0].kind
    if kind not in _KINDS:
        raise BundleError(f"kind {kind!r}, expected one of {sorted(_KINDS)}", field=str(path))
    return _KINDS[kind](path)
