"""Urgency as it is answered: the model alone, the rules alone, and the more severe of both.

    python -m benchmarks.urgency --data ../shared/real/dev.jsonl
    python -m benchmarks.urgency --split test

Without --data, on a split of the corpus. Also prints how many decisions go to a person, and why.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.labelled import load_labelled
from data.records import Complaint
from data.splits import partition
from data.taxonomy.schema import Head
from data.text.normalise import normalise
from serving.cli.train import CORPUS
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.triage.conditions import Facts

# Of the shipped taxonomy: the levels that count as urgent (特急, 紧急).
URGENT = {"I", "II"}


def rule_level(pipeline: Pipeline, head: Head, text: str, when: datetime) -> str:
    """The most severe level a rule sets; the third where none does."""
    fired = pipeline.policies.at(when).rules.evaluate(normalise(text), Facts()).fired
    levels = [item.level for item in fired if item.level]
    return min(levels, key=head.rank, default=head.leaves[2])


def line(name: str, gold: Sequence[str], answers: Sequence[str]) -> str:
    """One row of the table, as Markdown."""
    pairs = list(zip(gold, answers, strict=True))
    both = sum(g in URGENT and a in URGENT for g, a in pairs)
    first = [a for g, a in pairs if g == "I"]
    cells = (
        f"{sum(g == a for g, a in pairs) / len(pairs):.3f}",
        f"{both / sum(g in URGENT for g in gold):.3f}",
        f"{both / max(1, sum(a in URGENT for a in answers)):.3f}",
        f"{first.count('I')} of {len(first)}",
        f"{sum(a not in URGENT for a in first)}",
        f"{sum(a == 'I' != g for g, a in pairs)}",
    )
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table and the reasons for review."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--split", choices=("train", "dev", "test"), default="test")
    options = parser.parse_args()
    pipeline = Pipeline.open(Settings())
    texts = load_labelled(options.data or CORPUS, pipeline.taxonomy)
    if options.data is None:
        texts = partition(texts)[options.split]
    when, head = datetime.now(UTC), pipeline.taxonomy["urgency"]
    made: list[dict[str, Any]] = [pipeline.decide(Complaint(t.text, when), t.id) for t in texts]
    gold = [t.labels["urgency"] for t in texts]
    answers = {
        "model alone": [d["labels"]["urgency"]["model_code"] for d in made],
        "rules alone": [rule_level(pipeline, head, t.text, when) for t in texts],
        "final": [d["labels"]["urgency"]["code"] for d in made],
    }
    print(f"{len(texts)} texts, {sum(g in URGENT for g in gold)} urgent")  # noqa: T201
    print("| | accuracy | urgent recall | precision | I as I | I missed | false I |")  # noqa: T201
    for name, codes in answers.items():
        print(line(name, gold, codes))  # noqa: T201
    reasons = Counter(reason for d in made for reason in d["review"]["reasons"])
    needed = sum(d["review"]["needed"] for d in made) / len(made)
    print(f"review {needed:.3f}: {dict(reasons.most_common())}")  # noqa: T201


if __name__ == "__main__":
    main()
