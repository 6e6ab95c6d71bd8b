"""Cut texts into slices by what is known of them and what is found in them."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from eval.weighted import Weights

Attributes = Mapping[str, str]
Where = tuple[tuple[str, str], ...]
# Numbers hidden by whoever passed the text on: 6222****1234, 尾号XX12, 某某银行, 138□□□□.
_MASKED = re.compile(r"[*xX×＊□█]{2,}|某某|某[行银]|(?<=\d)[*xX×＊□█]|[*xX×＊□█](?=\d)")
_MONTHS = ("received_at", "month", "date", "created_at")
_MONTH = re.compile(r"(\d{4})[-/.年](\d{1,2})")
# Of the characters that have two forms; a stray variant does not make a text traditional.
_TRADITIONAL = (0.01, 0.1)
_UNKNOWN = (0.02, 0.1, 0.25)
_NEARLY_ALL = 0.8


@dataclass(frozen=True, slots=True)
class Cut:
    """How texts are cut: by which columns, at which lengths in characters."""

    columns: tuple[str, ...]
    lengths: tuple[int, ...]


def attributes(
    item: LabelledText,
    text: NormalisedText,
    unknown_rate: float,
    taxonomy: Taxonomy,
    cut: Cut,
) -> dict[str, str]:
    """Every attribute a text can be sliced by, with its value."""
    found = {name: str(item.meta[name]) for name in cut.columns if _plain(item.meta.get(name))}
    found["length"] = bucket(len(item.text), cut.lengths)
    found["traditional"] = _named(traditional_share(text), _TRADITIONAL, ("none", "some", "mostly"))
    found["masked"] = "yes" if _MASKED.search(item.text) else "no"
    found["unknown_words"] = _named(unknown_rate, _UNKNOWN, ("<2%", "2-10%", "10-25%", ">25%"))
    if month := _month(item):
        found["month"] = month
    for head in taxonomy.heads:
        if head.kind == "tree" and head.name in item.labels:
            found[head.name] = head.path(item.labels[head.name])[0]
    return found


def bucket(value: int, edges: Sequence[int]) -> str:
    """The bucket of a length: "<30", "30-79" … "≥400"."""
    if value < edges[0]:
        return f"<{edges[0]}"
    for low, high in itertools.pairwise(edges):
        if value < high:
            return f"{low}-{high - 1}"
    return f"≥{edges[-1]}"


def traditional_share(text: NormalisedText) -> float:
    """Share of the Chinese characters that normalisation gave another, simplified form."""
    pairs = [
        (folded, text.original[start])
        for folded, start in zip(text.text, text.starts, strict=True)
        if "\u4e00" <= folded <= "\u9fff"
    ]
    changed = sum(
        folded != written and "\u4e00" <= written <= "\u9fff" for folded, written in pairs
    )
    return changed / len(pairs) if pairs else 0.0


def _named(value: float, edges: Sequence[float], names: Sequence[str]) -> str:
    return names[sum(value > edge for edge in edges)]


def _plain(value: object) -> bool:
    return isinstance(value, str | int | bool) and bool(str(value).strip())


def _month(item: LabelledText) -> str | None:
    for name in _MONTHS:
        if found := _MONTH.match(str(item.meta.get(name) or "")):
            return f"{found[1]}-{int(found[2]):02d}"
    return None


@dataclass(frozen=True)
class Slice:
    """Texts that share `where`; `rows` are their places."""

    where: Where
    rows: NDArray[np.intp]


def slices(
    texts: Sequence[Attributes], *, min_texts: int, max_values: int, pairs: bool = False
) -> list[Slice]:
    """Every slice by one attribute (or also by two) of at least `min_texts` texts.

    An attribute with more than `max_values` values, or of one value only, cuts nothing; a value
    that nearly all texts have cuts nothing off another.
    """
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for each in texts:
        for name, value in each.items():
            values[name][value] += 1
    usable = {
        name
        for name, counts in values.items()
        if len(counts) <= max_values and max(counts.values()) < len(texts)
    }
    most = _NEARLY_ALL * len(texts)
    telling = {(name, value) for name in usable for value, n in values[name].items() if n <= most}
    rows: dict[Where, list[int]] = defaultdict(list)
    for i, each in enumerate(texts):
        for where in _keys(each, usable, telling if pairs else set()):
            rows[where].append(i)
    return [
        Slice(where, np.array(found, dtype=np.intp))
        for where, found in rows.items()
        if len(found) >= min_texts
    ]


def _keys(each: Attributes, usable: set[str], telling: set[tuple[str, str]]) -> Iterator[Where]:
    single = [(name, value) for name, value in each.items() if name in usable]
    yield from ((one,) for one in single)
    yield from itertools.combinations([one for one in single if one in telling], 2)


class SliceMeans:
    """The weighted means of one column in many slices at once.

    `values` is (n,), NaN where a text has none; a slice without any is NaN.
    """

    def __init__(self, found: Sequence[Slice], values: NDArray[np.float64]) -> None:
        self._known = np.zeros((len(found), len(values)), dtype=np.float32)
        for i, cut in enumerate(found):
            self._known[i, cut.rows] = ~np.isnan(values[cut.rows])
        self._sums = self._known * np.nan_to_num(values).astype(np.float32)

    def __call__(self, weights: Weights) -> NDArray[np.float64]:
        """Shape (slices,); `weights` is (n,)."""
        w = weights.astype(np.float32)
        total = self._known @ w
        nothing = np.full(len(total), np.nan)
        return np.asarray(np.divide(self._sums @ w, total, out=nothing, where=total > 0))
