"""Which texts a model has seen, as short hashes in its bundle: so that no test of it is one.

Eight bytes of a hash a text: enough to know a text one has, too little to read one from.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError
from data.text.normalise import normalise

FILE = "seen_texts.npz"

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class SeenTexts:
    """Sorted hashes of the texts a model learnt from, and of those it was calibrated on."""

    trained: Hashes
    calibrated: Hashes

    @classmethod
    def of(cls, trained: Iterable[str], calibrated: Iterable[str]) -> SeenTexts:
        """From the texts themselves."""
        return cls(_hashes(trained), _hashes(calibrated))

    def trained_on(self, text: str) -> bool:
        """Whether the model learnt from this text, or one with the same words."""
        return _among(self.trained, text)

    def calibrated_on(self, text: str) -> bool:
        """Whether thresholds were set on this text, or one with the same words."""
        return _among(self.calibrated, text)

    def dump(self) -> bytes:
        """As stored in a bundle; the same texts in any order give the same bytes."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, trained=self.trained, calibrated=self.calibrated)
        return buffer.getvalue()


def load(bundle: Path) -> SeenTexts | None:
    """What a verified bundle has seen; None where it was made without saying.

    Raises BundleError where the file is not what it should be.
    """
    path = bundle / FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return SeenTexts(
                arrays["trained"].astype(np.uint64), arrays["calibrated"].astype(np.uint64)
            )
    except (KeyError, ValueError, OSError) as error:
        raise BundleError(f"{FILE}: {error}", field=str(bundle)) from error


def hash_of(text: str) -> int:
    """Of the letters and digits of the normalised text: spacing and marks make no other text."""
    folded = normalise(text).text
    words = "".join(char for char in folded if char.isalnum()) or folded
    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())


def _hashes(texts: Iterable[str]) -> Hashes:
    return np.array(sorted({hash_of(text) for text in texts}), dtype=np.uint64)


def _among(hashes: Hashes, text: str) -> bool:
    wanted = np.uint64(hash_of(text))
    place = int(np.searchsorted(hashes, wanted))
    return place < len(hashes) and bool(hashes[place] == wanted)
