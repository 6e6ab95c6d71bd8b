"""All labels of all heads, as the pages search and explain them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from data.taxonomy.schema import Head, Taxonomy


@lru_cache(maxsize=4)
def _found(stamp: str, held: _Held) -> dict[str, Any]:
    return {
        "stamp": stamp,
        "heads": {head.name: _head(head) for head in held.taxonomy.heads},
    }


class _Held:
    """A taxonomy that is as good as another of the same stamp."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    def __hash__(self) -> int:
        return hash(self.taxonomy.stamp)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.taxonomy.stamp == self.taxonomy.stamp


def catalogue(taxonomy: Taxonomy) -> dict[str, Any]:
    """By head its leaves in order, each with path, definition, boundaries, examples, initials."""
    return _found(taxonomy.stamp, _Held(taxonomy))


def _head(head: Head) -> dict[str, Any]:
    return {
        "title": head.title,
        "kind": head.kind,
        "leaves": [_leaf(head, code) for code in head.leaves],
    }


def _leaf(head: Head, code: str) -> dict[str, Any]:
    label = head.by_code[code]
    names = [head.by_code[step].name for step in head.path(code)]
    return {
        "code": code,
        "name": label.name,
        "path": names[:-1],
        "definition": label.definition,
        "includes": label.includes,
        "excludes": label.excludes,
        "examples": label.examples,
        "initials": initials("".join(names)),
    }


def initials(text: str) -> str:
    """The first letters of how it is spoken (xykdf), where pypinyin is installed; else empty."""
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError:
        return ""
    return "".join(lazy_pinyin(text, style=Style.FIRST_LETTER, errors="ignore")).lower()
