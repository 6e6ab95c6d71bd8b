"""How much more corpus helps: the linear model trained on 500, 1 k, 2 k, 4 k and all texts.

    python -m benchmarks.learning_curve --data ../shared/real/dev.jsonl

Training texts are drawn in hash order, so each set contains the smaller ones. Every model is scored
on the given texts and on the corpus test split.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

from data.labelled import LabelledText, load_labelled
from data.splits import partition
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from eval.evaluate import Report, evaluate
from model.runtime import load as load_bundle
from serving.cli.train import CORPUS
from training.fit import Recipe, fit_linear

SIZES = (500, 1000, 2000, 4000, 10**9)


def curve(data: Path) -> list[tuple[int, Report, Report]]:
    """(training texts, report on the corpus test split, report on `data`) for every size."""
    taxonomy = load_taxonomy()
    parts = partition(load_labelled(CORPUS, taxonomy))
    others = load_labelled(data, taxonomy)
    order = sorted(parts["train"], key=lambda t: hashlib.sha256(t.id.encode()).digest())
    found = []
    for size in SIZES:
        train: list[LabelledText] = order[:size]
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "bundle"
            texts = [*train, *parts["dev"], *parts["test"]]
            fit_linear(texts, taxonomy, DEFAULT_PATH.read_bytes(), target, Recipe())
            model = load_bundle(target)
            found.append((len(train), evaluate(model, parts["test"]), evaluate(model, others)))
    return found


def main() -> None:
    """Print the curve as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    heads = [head.name for head in load_taxonomy().heads]
    columns = [f"{head} {where}" for head in heads for where in ("test", "real")]
    print("| texts | " + " | ".join(columns) + " |")  # noqa: T201 - a script's output
    print("|---" * (len(columns) + 1) + "|")  # noqa: T201
    for size, test, real in curve(parser.parse_args().data):
        cells = [
            f"{r.heads[h].accuracy.value:.3f} / {r.heads[h].macro_f1.value:.3f}"
            for h in heads
            for r in (test, real)
        ]
        print(f"| {size} | " + " | ".join(cells) + " |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
