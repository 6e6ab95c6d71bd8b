"""Which texts train, which tune, which test: by group, fixed by the text's own name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from data.labelled import LabelledText

Split = Literal["train", "dev", "test"]


def split_of(item: LabelledText) -> Split | None:
    """The split written in the file, if any."""
    value = item.meta.get("split")
    return value if value in ("train", "dev", "test") else None


def assign(item: LabelledText, *, dev: float = 0.15, test: float = 0.15) -> Split:
    """The split of a text without one: a hash of its group, or of its id where it has none.

    Texts of one group (one event, one contrast pair) always fall together.
    """
    group = str(item.meta.get("group") or item.id)
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8]) / 2**64
    return "test" if place < test else "dev" if place < test + dev else "train"


def partition(texts: Sequence[LabelledText]) -> dict[Split, list[LabelledText]]:
    """All texts by split: the one written in the file, else the assigned one."""
    parts: dict[Split, list[LabelledText]] = {"train": [], "dev": [], "test": []}
    for item in texts:
        parts[split_of(item) or assign(item)].append(item)
    return parts
