"""A retraining in two seconds: short texts, two labels, a suite of few draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from data.labelled import LabelledText
from tests.conftest import TWO_LABELS, mood_texts
from training.retrain.plan import RetrainPlan

SUITE = """
version = "test"
draws = 30
[operating]
timed = 3
repeated = 2
threads = 2
[[metric]]
metric = "accuracy"
max_loss = 0.05
[[metric]]
metric = "leaked"
max = 0.0
required = true
[[per_class]]
metric = "recall"
min_support = 3
min = 0.5
"""
WHEN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def clock() -> datetime:
    return WHEN


def few() -> list[LabelledText]:
    """A third of the moods, each with a split of its own."""
    places = ("train", "train", "dev", "test")
    return [
        replace(t, meta={"split": places[n % 4], "group": t.id})
        for n, t in enumerate(mood_texts()[::2])
    ]


def write_rows(path: Path, texts: Sequence[LabelledText]) -> Path:
    rows = ({"id": t.id, "text": t.text, **t.labels, **t.meta} for t in texts)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def plan(
    folder: Path, texts: Sequence[LabelledText] | None = None, *, promote: bool = True
) -> RetrainPlan:
    """Everything below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mood.yaml").write_text(TWO_LABELS, encoding="utf-8")
    (folder / "suite.toml").write_text(SUITE, encoding="utf-8")
    return RetrainPlan(
        data=write_rows(folder / "moods.jsonl", texts or few()),
        taxonomy=folder / "mood.yaml",
        registry=folder / "models",
        runs=folder / "runs",
        snapshots=folder / "snapshots",
        heldout=folder / "heldout",
        suite=folder / "suite.toml",
        promote=promote,
        report=False,
        who="测试",
        why="test",
    )


class KilledError(BaseException):
    """What a kill looks like from within."""


def kill_at(step: str) -> Callable[[str], None]:
    """Told of a step, dies at the one named."""

    def told(words: str) -> None:
        if words == step:
            raise KilledError

    return told
