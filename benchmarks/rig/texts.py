"""The texts that are sent."""

from __future__ import annotations

from pathlib import Path

import orjson

CORPUS = Path(__file__).parents[2] / "data" / "corpus" / "complaints.jsonl"


def read_texts(path: Path) -> list[str]:
    """Column `text` of a JSONL file; where rows name their split, those of the test split."""
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    rows = [row for row in rows if row.get("split", "test") == "test"] or rows
    return [row["text"] for row in rows]
