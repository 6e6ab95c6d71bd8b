"""From a normalised text to token ids and back to its characters. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from data.errors import BundleError
from data.text.normalise import NormalisedText
from model.classifier import Floats

# No piece is longer, so that many characters a token at each end are all that can be read; the
# middle of a book is not worth cutting up.
_LONGEST_PIECE = 16
_UNKNOWN = ("<unk>", "[UNK]")
_PAD = ("<pad>", "[PAD]")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Each token's characters, `sizes` (tokens,) but at least one; per character of a token, which
    token's it is (`owners`) and where it stands (`places`).
    """

    sizes: NDArray[np.int64]
    owners: NDArray[np.intp]
    places: NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """A text as the encoder reads it.

    `ids` is (tokens,); `spans` (tokens, 2) says which normalised characters each token stands for
    (none for special tokens). `unknown` is the share of characters no piece covers.
    """

    ids: NDArray[np.int64]
    spans: NDArray[np.int64]
    truncated: bool
    unknown: float

    def spread(self, shares: Floats, length: int) -> Floats:
        """Token shares (tokens,) over their characters, (length,)."""
        layout = self._layout
        each = (shares / layout.sizes)[layout.owners]
        return np.bincount(layout.places, weights=each, minlength=length).astype(np.float32)

    def elsewhere(self, shares: Floats) -> float:
        """The sum of the shares of tokens without a character."""
        return float(shares[self.spans[:, 1] == self.spans[:, 0]].sum())

    @cached_property
    def _layout(self) -> _Layout:
        sizes = self.spans[:, 1] - self.spans[:, 0]
        owners = np.repeat(np.arange(len(sizes)), sizes)
        within = np.arange(len(owners)) - (np.cumsum(sizes) - sizes)[owners]
        return _Layout(np.maximum(sizes, 1), owners, self.spans[owners, 0] + within)


class TokenReader:
    """A tokenizer set up once, so that threads may share it."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._unknown = _id_of(tokenizer, _UNKNOWN)
        self.pad = _id_of(tokenizer, _PAD)
        self.max_tokens = max_tokens

    @classmethod
    def load(cls, path: Path, max_tokens: int) -> TokenReader:
        """Read a tokenizer.json. Raises BundleError naming it where it is none."""
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise BundleError("is not a tokenizer", field=str(path)) from error
        return cls(tokenizer, max_tokens)

    def read(self, text: NormalisedText) -> Tokens:
        """Cut into tokens; over `max_tokens`, the two ends: matter and demand of a complaint."""
        whole = text.text
        reach = self.max_tokens * _LONGEST_PIECE
        if len(whole) <= 2 * reach:
            return self._tokens(self._tokenizer.encode(whole), len(whole))
        shift = len(whole) - 2 * reach
        tokens = self._tokens(self._tokenizer.encode(whole[:reach] + whole[-reach:]), 2 * reach)
        spans = np.where(tokens.spans >= reach, tokens.spans + shift, tokens.spans)
        return Tokens(tokens.ids, spans, True, tokens.unknown)

    def _tokens(self, encoding: Encoding, length: int) -> Tokens:
        ids = np.array(encoding.ids, dtype=np.int64)
        spans = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        torn = spans[ids == self._unknown]
        unknown = int((torn[:, 1] - torn[:, 0]).sum()) / length if length else 0.0
        if len(ids) <= self.max_tokens:
            return Tokens(ids, spans, False, unknown)
        head = (self.max_tokens + 1) // 2
        tail = len(ids) - (self.max_tokens - head)
        return Tokens(
            np.concatenate([ids[:head], ids[tail:]]),
            np.concatenate([spans[:head], spans[tail:]]),
            True,
            unknown,
        )


def _id_of(tokenizer: Tokenizer, names: tuple[str, ...]) -> int:
    found = [i for name in names if (i := tokenizer.token_to_id(name)) is not None]
    if not found:
        raise BundleError(f"expected one of the tokens {', '.join(names)}", field="tokenizer.json")
    return int(found[0])
