"""Which columns of the vocabulary a text's features are: what `featurise` names, without the names.

A text of a hundred characters has some three hundred n-grams. Here each is a number, and all are
looked up at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError
from model.linear.features import GRAM, NGRAMS, digits_folded, words

# An n-gram of four characters fills a number of 64 bits; 0 is a character of no n-gram.
_BITS = 16
_SHIFT = np.uint64(_BITS)
# One less than would fit: the key of all ones, which no n-gram then has, ends the sorted keys.
_MOST = 2**_BITS - 2
_END = np.uint64(2**64 - 1)
_CODES = 0x110000


@dataclass(frozen=True, slots=True)
class Found:
    """Occurrences of known features, (occurrences,) each: column, and the characters covered."""

    columns: NDArray[np.intp]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]


class Columns:
    """A vocabulary, made to be looked up. Immutable, so any number of threads may share it."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        """Raises BundleError where its n-grams are of more than 65,534 characters."""
        grams = {name[len(GRAM) :]: at for name, at in vocabulary.items() if name.startswith(GRAM)}
        alphabet = sorted(set().union(*grams))
        if len(alphabet) > _MOST:
            raise BundleError(
                f"expected n-grams of at most {_MOST} characters, got {len(alphabet)}",
                field="vocabulary",
            )
        self._words = {n: at for n, at in vocabulary.items() if not n.startswith(GRAM)}
        self._letters = np.zeros(_CODES, dtype=np.uint16)
        self._letters[_codes("".join(alphabet))] = np.arange(1, len(alphabet) + 1)
        keys = np.array([_key(self._letters[_codes(gram)]) for gram in grams], dtype=np.uint64)
        order = np.argsort(keys)
        self._keys = np.append(keys[order], _END)
        self._columns = np.array([*grams.values()], dtype=np.intp)[order]

    def find(self, text: str) -> Found:
        """Those of a normalised text's features that are known, in the order of `featurise`."""
        folded = digits_folded(text)
        named = words(folded)
        columns, starts, ends = [], [], []
        for name, start, end in zip(named.names, named.starts, named.ends, strict=True):
            column = self._words.get(name)
            if column is not None:
                columns.append(column)
                starts.append(start)
                ends.append(end)
        grams = self._grams(folded)
        return Found(
            np.concatenate([np.array(columns, np.intp), grams.columns]),
            np.concatenate([np.array(starts, np.intp), grams.starts]),
            np.concatenate([np.array(ends, np.intp), grams.ends]),
        )

    def _grams(self, text: str) -> Found:
        """The known n-grams, by n and then by place."""
        letters = self._letters[_codes(text)].astype(np.uint64)
        # One that begins with a letter of no n-gram would have a shorter one's key; one with such
        # a letter further in has none's.
        firsts = letters != 0
        found, keys = [], letters
        for step in range(1, max(NGRAMS)):
            keys = (keys[:-1] << _SHIFT) | letters[step:]
            found.append(keys * firsts[: len(keys)])
        every = np.concatenate(found)
        places = np.searchsorted(self._keys[:-1], every)
        flat = np.flatnonzero(self._keys[places] == every)
        begins = np.cumsum([0, *map(len, found[:-1])])
        size = np.searchsorted(begins, flat, side="right") - 1
        starts = flat - begins[size]
        return Found(self._columns[places[flat]], starts, starts + size + NGRAMS[0])


def _codes(text: str) -> NDArray[np.uint32]:
    """Its characters' code points."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _key(letters: NDArray[np.uint16]) -> int:
    return int.from_bytes(letters.astype(">u2").tobytes())
