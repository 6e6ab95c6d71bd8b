"""`suda simulate` as a function: several divisions, selection beside random."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from data.errors import InputError
from data.labelled import LabelledText
from training.selection.select import RANDOM, Mix
from training.simulate.curves import (
    MEAN,
    Audits,
    Point,
    Promotions,
    Saving,
    audits,
    curves,
    gains,
    promotions,
    savings,
    step_json,
)
from training.simulate.division import divide
from training.simulate.gate import Metrics
from training.simulate.loop import Run, Stage, Step, run

SELECTION, CHANCE = "selection", "random"
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated: `every` labels a retraining, up to `up_to`, once per seed."""

    every: int = 250
    up_to: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    mix: Mix = field(default_factory=Mix)

    def __post_init__(self) -> None:
        if self.every < 1 or self.up_to < self.every:
            raise InputError(f"expected 1 ≤ every ≤ up-to, got {self.every}, {self.up_to}")
        if not self.seeds:
            raise InputError("expected at least one", field="seeds")


@dataclass(frozen=True, slots=True)
class Simulation:
    """All runs by strategy, and what they come to."""

    plan: Plan
    allowed: Metrics
    pool: int
    evaluation: int
    runs: Mapping[str, tuple[Run, ...]]

    def curve(self, strategy: str, name: str = MEAN, model: str = "challenger") -> list[Point]:
        """One figure of one strategy against labels used."""
        return curves(self.runs[strategy], model)[name]

    def gains(self, name: str = MEAN) -> list[Point]:
        """What selection is ahead of random, division by division."""
        return gains(self.runs[SELECTION], self.runs[CHANCE], name)

    def savings(self, name: str = MEAN) -> list[Saving]:
        """How many labels random needs for what selection has."""
        return savings(self.curve(SELECTION, name), self.curve(CHANCE, name))

    def promotions(self, strategy: str) -> Promotions:
        """What the gate did."""
        return promotions(self.runs[strategy], self.allowed)

    def audits(self, strategy: str) -> Audits:
        """What the audit estimates were worth."""
        return audits(self.runs[strategy])

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values; intervals of a single run are null."""
        names = list(curves(self.runs[SELECTION]))
        return {
            "plan": asdict(self.plan),
            "allowed": dict(self.allowed),
            "pool": self.pool,
            "evaluation": self.evaluation,
            "curves": {
                strategy: {
                    model: {
                        name: [_point(p) for p in points]
                        for name, points in curves(found, model).items()
                    }
                    for model in ("challenger", "champion")
                }
                for strategy, found in self.runs.items()
            },
            "gains": {name: [_point(p) for p in self.gains(name)] for name in names},
            "savings": {name: [asdict(s) for s in self.savings(name)] for name in names},
            "promotions": {name: asdict(self.promotions(name)) for name in self.runs},
            "audits": {name: asdict(self.audits(name)) for name in self.runs},
            "runs": [
                {"strategy": r.strategy, "seed": r.seed, "steps": [step_json(s) for s in r.steps]}
                for found in self.runs.values()
                for r in found
            ],
        }


def simulate(
    stage: Stage,
    texts: Sequence[LabelledText],
    plan: Plan,
    on_step: Callable[[str, int, Step], None] = lambda *_: None,
) -> Simulation:
    """Run selection and random on the same divisions of `texts`; told of every step.

    Raises InputError where the texts cannot be divided, RuntimeError should a promotion have made
    a gate metric worse than its gate allows, which is what the gate is there to prevent.
    """
    found: dict[str, list[Run]] = {SELECTION: [], CHANCE: []}
    sizes = (0, 0)
    for seed in plan.seeds:
        pool, evaluation = divide(texts, stage.taxonomy, seed)
        sizes = (len(pool), len(evaluation))
        for strategy, mix in ((SELECTION, plan.mix), (CHANCE, RANDOM)):
            found[strategy].append(
                run(
                    stage,
                    strategy,
                    mix,
                    pool,
                    evaluation,
                    every=plan.every,
                    up_to=plan.up_to,
                    seed=seed,
                    on_step=lambda step, name=strategy, at=seed: on_step(name, at, step),  # type: ignore[misc]
                )
            )
    runs = {strategy: tuple(one) for strategy, one in found.items()}
    result = Simulation(plan, stage.gate.allowed, *sizes, runs)
    for strategy in runs:
        beyond = result.promotions(strategy).beyond
        if beyond > _ROUNDING:
            raise RuntimeError(f"a promotion left a gate metric {beyond:.4f} below its gate")
    return result


def _point(point: Point) -> dict[str, float | None]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(point).items()
    }
