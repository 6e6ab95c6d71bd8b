"""Resident memory of a bundle over 10 000 texts of mixed lengths and 20 hot swaps.

python benchmarks/memory.py [BUNDLE] [TEXTS.jsonl]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from data.labelled import load_labelled
from eval.speed.memory import memory_over
from model import bundle
from model.runtime import SHIPPED, load

CORPUS = Path(__file__).parents[1] / "data" / "corpus"


def main(path: Path = SHIPPED, data: Path = CORPUS) -> None:
    """Measure, show progress on standard error and print the figures as JSON."""
    texts = [item.text for item in load_labelled(data, bundle.read(path)[1])]
    report = memory_over(
        lambda: load(path),
        texts,
        on_step=lambda name, done: print(f"{name} {done}", end="\r", file=sys.stderr),  # noqa: T201
    )
    print(json.dumps(report.as_json(), indent=1))  # noqa: T201


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
