"""Real texts in small: five reasons and the urgency of the corpus, trained in seconds."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from pathlib import Path

import orjson
import yaml

from data.labelled import LabelledText, load_labelled
from data.splits import split_of
from data.taxonomy.load import DEFAULT_PATH, load, parse
from data.taxonomy.schema import Taxonomy

CORPUS = Path(__file__).parents[2] / "data" / "corpus"
REASONS = ("C01", "C03", "C10", "C11", "C99")
# Texts per level of urgency: the most urgent are rare in life, and what must not be missed.
SIZES = {
    "train": {"I": 170, "II": 160, "III": 160, "IV": 130},
    "dev": {"I": 49, "II": 45, "III": 45, "IV": 45},
    "test": {"I": 70, "II": 70, "III": 70, "IV": 50},
}


@cache
def taxonomy_bytes() -> bytes:
    """The shipped reason and urgency, cut down to what the small set holds."""
    shipped = load(DEFAULT_PATH)
    heads = [
        {
            "name": head.name,
            "kind": head.kind,
            "title": head.title,
            "labels": [
                {"code": label.code, "name": label.name}
                for label in head
                if head.name != "reason" or label.code in REASONS
            ],
        }
        for head in (shipped["reason"], shipped["urgency"])
    ]
    document = {"id": "small", "version": "1", "title": "Small", "heads": heads}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode()


def taxonomy() -> Taxonomy:
    return parse(taxonomy_bytes(), name="small")


@cache
def texts() -> tuple[LabelledText, ...]:
    """The same draw every time, with the corpus' own splits."""
    kept = [
        LabelledText(
            id=item.id,
            text=item.text,
            labels={head: item.labels[head] for head in ("reason", "urgency")},
            alternatives={
                "reason": tuple(c for c in item.alternatives.get("reason", ()) if c in REASONS)
            },
            meta={"split": split_of(item), "group": item.meta.get("group") or item.id},
        )
        for item in load_labelled(CORPUS, load(DEFAULT_PATH))
        if item.labels["reason"] in REASONS
    ]
    random.Random(7).shuffle(kept)  # noqa: S311
    return tuple(
        item
        for split, levels in SIZES.items()
        for level, n in levels.items()
        for item in _some(kept, split, level)[:n]
    )


def _some(items: list[LabelledText], split: str, level: str) -> list[LabelledText]:
    return [t for t in items if split_of(t) == split and t.labels["urgency"] == level]


def with_split(items: tuple[LabelledText, ...], split: str) -> tuple[LabelledText, ...]:
    return tuple(item for item in items if split_of(item) == split)


def relabelled(item: LabelledText, **labels: str) -> LabelledText:
    return replace(item, labels={**item.labels, **labels})


def write(path: Path, items: tuple[LabelledText, ...]) -> Path:
    """As JSONL that `load_labelled` reads back."""
    rows = (
        {
            "id": item.id,
            "text": item.text,
            **item.labels,
            **{f"alt_{head}": list(codes) for head, codes in item.alternatives.items() if codes},
            **item.meta,
        }
        for item in items
    )
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path
