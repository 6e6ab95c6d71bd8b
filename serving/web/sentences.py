"""What developers' sentences say to staff: errors and findings in Chinese, as far as known."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Final

import yaml

from serving.web.admin_metrics import TITLES

_TABLE = Path(__file__).with_suffix(".yaml")
_INNER: Final = re.compile(r"\{([^{}]*)\}")
# A key, a path or a file name before a colon stays as it is.
_PLACE: Final = re.compile(r"([\w@./ -]*?[\w@/-]): (.+)", re.DOTALL)


@functools.cache
def _table() -> tuple[tuple[re.Pattern[str], str], ...]:
    found: list[tuple[str, str]] = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return tuple((re.compile(pattern, re.DOTALL), said) for pattern, said in found)


def chinese(sentence: str) -> str:
    """The sentence as staff read it; one that is not known stays as it is.

    Several sentences are parted by semicolons; the name of a field, a key or a file may precede.
    """
    said = _said(sentence)
    if said is not None:
        return said
    if "; " in sentence:
        return "；".join(chinese(part) for part in sentence.split("; "))
    placed = _PLACE.fullmatch(sentence)
    return f"{placed[1]}：{chinese(placed[2])}" if placed else sentence


def _said(sentence: str) -> str | None:
    known, placed = _known(sentence), _PLACE.fullmatch(sentence)
    if known is not None or placed is None:
        return known
    inner = _said(placed[2])
    return None if inner is None else f"{placed[1]}：{inner}"


def _known(sentence: str) -> str | None:
    for pattern, said in _table():
        if found := pattern.fullmatch(sentence):
            return _INNER.sub(lambda part: _inner(part[1]), found.expand(said))
    return None


def _inner(part: str) -> str:
    """A part of a sentence: the name of a metric, or a sentence of its own."""
    place, _, name = part.rpartition(".")
    title = TITLES.get(name)
    return f"{place} {title}".strip() if title else chinese(part)
