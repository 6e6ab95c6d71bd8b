"""Signatures by which complaints of like words are found: MinHash bands of character 4-grams.

A pair of texts with Jaccard similarity s shares a MinHash with probability s (Broder 1997), a band
of two with s², and one of 12 bands with 1 − (1 − s²)¹²: 0.97 at 0.5, 0.11 at 0.1.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from data.quality.shingles import shingles

BANDS = 12
_ROWS = 2
SAID = 100
"""The number of the band that holds what the model said."""

_random = np.random.default_rng(20261122)
# Multiply-shift hashing (Dietzfelbinger et al. 1997): the high half of an odd multiple.
_FACTORS: NDArray[np.uint64] = _random.integers(
    1, 2**63, size=(BANDS * _ROWS, 1), dtype=np.uint64
) | np.uint64(1)
_OFFSETS: NDArray[np.uint64] = _random.integers(0, 2**63, size=(BANDS * _ROWS, 1), dtype=np.uint64)
_HALF = np.uint64(32)


def bands(text: str) -> tuple[int, ...]:
    """One key for each band, `BANDS` of them; none for a text without words."""
    grams = shingles(text)
    if not grams:
        return ()
    hashes = np.fromiter((zlib.crc32(gram.encode()) for gram in grams), np.uint64, len(grams))
    spread = (_FACTORS * hashes[None, :] + _OFFSETS) >> _HALF
    least = spread.min(axis=1).reshape(BANDS, _ROWS)
    return tuple(_key(band, row.tobytes()) for band, row in enumerate(least))


def said(codes: Mapping[str, str]) -> int:
    """The key of what the model said, by head: complaints it takes for the same kind share it."""
    told = "\0".join(f"{head}={codes[head]}" for head in sorted(codes))
    return _key(SAID, told.encode())


def _key(band: int, content: bytes) -> int:
    digest = hashlib.blake2b(bytes([band]) + content, digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
