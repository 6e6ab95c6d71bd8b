"""Many runs as curves with intervals, and how many labels one strategy saves another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import t as student

from training.simulate.gate import Metrics, allowance
from training.simulate.loop import Quality, Run, Step

MEAN = "mean_macro_f1"
REVIEW = "review_rate"


@dataclass(frozen=True, slots=True)
class Point:
    """A mean over runs with its 95 % Student interval; no interval from a single run."""

    labels: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Saving:
    """At `labels` labels this strategy stands where the other is at `other` (None: nowhere)."""

    labels: int
    value: float
    other: float | None


@dataclass(frozen=True, slots=True)
class Promotions:
    """What the gate did over all runs of a strategy.

    `largest_fall` is the most that any gate metric stood below the champion before it at a
    promotion, `below_best` the most that one stood below the best champion of its run, `beyond`
    the most that one stood below what its gate allows: above 0 the gate failed.
    """

    promoted: int
    refused: int
    largest_fall: float
    below_best: float
    beyond: float


@dataclass(frozen=True, slots=True)
class Audits:
    """How well each round's labels told the truth about the pool they were drawn from.

    Mean errors of the weighted and of the naive estimate, and how often the interval held.
    """

    rounds: int
    bias: float
    naive_bias: float
    covered: float


def figures(quality: Quality) -> dict[str, float]:
    """All that is drawn of one model, by name."""
    by_head = {f"macro_f1:{head}": value for head, value in quality.macro_f1.items()}
    accuracy = {f"accuracy:{head}": value for head, value in quality.accuracy.items()}
    return {MEAN: quality.mean_macro_f1, REVIEW: quality.review_rate, **by_head, **accuracy}


def curves(runs: Sequence[Run], model: str = "challenger") -> dict[str, list[Point]]:
    """Every figure against labels used, over the runs of one strategy.

    `model` is challenger (what was learnt) or champion (what the gate let serve).
    """
    values: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        for step in run.steps:
            for name, value in figures(getattr(step, model)).items():
                values[name][step.labels].append(value)
    return {
        name: [point(labels, found) for labels, found in sorted(by_labels.items())]
        for name, by_labels in values.items()
    }


def gains(runs: Sequence[Run], others: Sequence[Run], name: str = MEAN) -> list[Point]:
    """The difference to another strategy, run by run on the same division, from the first labels.

    A run whose seed the others lack is left out.
    """
    twins = {run.seed: run for run in others}
    values: dict[int, list[float]] = defaultdict(list)
    for run in runs:
        if run.seed in twins:
            for mine, theirs in zip(run.steps[1:], twins[run.seed].steps[1:], strict=False):
                gap = figures(mine.challenger)[name] - figures(theirs.challenger)[name]
                values[mine.labels].append(gap)
    return [point(labels, found) for labels, found in sorted(values.items())]


def point(labels: int, values: Sequence[float]) -> Point:
    """Mean and interval of one figure over runs."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Point(labels, mean, float("nan"), float("nan"))
    spread = float(np.std(values, ddof=1)) / np.sqrt(len(values))
    reach = float(student.ppf(0.975, len(values) - 1)) * spread
    return Point(labels, mean, float(mean - reach), float(mean + reach))


def savings(curve: Sequence[Point], other: Sequence[Point]) -> list[Saving]:
    """How many labels the other strategy needs for what this one reaches, point by point.

    Read off the other's curve as a straight line between its points, the first time it gets there.
    """
    return [Saving(p.labels, p.value, _reached(other, p.value)) for p in curve[1:]]


def _reached(curve: Sequence[Point], value: float) -> float | None:
    if curve[0].value >= value:
        return float(curve[0].labels)
    for before, after in pairwise(curve):
        if after.value >= value:
            part = (value - before.value) / (after.value - before.value)
            return before.labels + part * (after.labels - before.labels)
    return None


def promotions(runs: Sequence[Run], allowed: Metrics) -> Promotions:
    """Go through every promotion again, from the recorded gate metrics alone."""
    falls, below, beyond = [0.0], [0.0], [0.0]
    promoted = refused = 0
    for run in runs:
        champion = best = dict(run.steps[0].gate)
        for step in run.steps[1:]:
            if step.refused:
                refused += 1
                continue
            promoted += 1
            falls += [champion[name] - value for name, value in step.gate.items()]
            losses = {name: best[name] - value for name, value in step.gate.items()}
            below += losses.values()
            beyond += [loss - allowance(allowed, name) for name, loss in losses.items()]
            champion = dict(step.gate)
            best = {name: max(best[name], value) for name, value in champion.items()}
    return Promotions(promoted, refused, max(falls), max(below), max(beyond))


def audits(runs: Sequence[Run]) -> Audits:
    """Compare what each round's labels said of its pool with the truth."""
    found = [step.audit for run in runs for step in run.steps if step.audit is not None]
    return Audits(
        rounds=len(found),
        bias=float(np.mean([a.estimate - a.truth for a in found])),
        naive_bias=float(np.mean([a.naive - a.truth for a in found])),
        covered=float(np.mean([a.low <= a.truth <= a.high for a in found])),
    )


def step_json(step: Step) -> dict[str, Any]:
    """One step as plain values."""
    audit: Mapping[str, Any] | None = None
    if step.audit is not None:
        audit = {name: getattr(step.audit, name) for name in step.audit.__slots__}
    return {
        "labels": step.labels,
        "challenger": figures(step.challenger),
        "champion": figures(step.champion),
        "gate": dict(step.gate),
        "refused": list(step.refused),
        "audit": audit,
    }
