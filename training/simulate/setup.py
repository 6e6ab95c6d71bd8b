"""Put a model, its base corpus, the gate and the rules on a stage."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data.errors import InputError
from data.labelled import LabelledText
from data.splits import Split, partition
from eval.suite.config import load as load_suite
from model import bundle
from model.blend.runtime import KIND as BLEND
from serving.triage.policy import PolicySet
from training.selection.select import counts_of
from training.selection.signals import Reader
from training.simulate.blend import BlendTrainer
from training.simulate.gate import MEASURED, HeldOutGate, Metrics, suite_losses
from training.simulate.linear import LinearTrainer
from training.simulate.loop import Stage
from training.simulate.trainer import Trainer
from training.simulate.warm import WEIGHT, LinearPlan


@dataclass(frozen=True, slots=True)
class Options:
    """How the simulated model retrains and is judged.

    `weight` is what one revealed label counts against one of the base corpus, `sample` how many
    texts of the base's train split are kept (None: all), which is faster and forgets some,
    `tolerance` what a gate metric may lose (None: as the evaluation suite says). `linear` takes a
    blend's linear half alone, which learns faster than the blend: the encoder it leaves out stays
    as it was, and holds its answers.
    """

    weight: float = WEIGHT
    sample: int | None = None
    tolerance: float | None = None
    linear: bool = False

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise InputError(f"expected more than 0, got {self.weight}", field="weight")
        if self.sample is not None and self.sample < 1:
            raise InputError(f"expected at least 1, got {self.sample}", field="corpus-sample")
        if self.tolerance is not None and self.tolerance < 0:
            raise InputError(f"expected at least 0, got {self.tolerance}", field="tolerance")


def stage_of(
    path: Path,
    base: Sequence[LabelledText],
    policies: PolicySet,
    received_at: datetime,
    options: Options,
) -> Stage:
    """A stage on which the bundle at `path`, linear or a blend, learns.

    The base's train split is learnt from with the revealed labels, its dev split calibrates, its
    test split is the gate. Raises BundleError for another kind of bundle, InputError where a split
    is empty.
    """
    taxonomy = bundle.read(path)[1]
    parts = partition(base)
    for name, part in parts.items():
        if not part:
            raise InputError("expected at least one text", field=f"base split {name}")
    parts["train"] = _sample(parts["train"], options.sample)
    return Stage(
        taxonomy=taxonomy,
        reader=Reader(policies, received_at),
        trainer=_trainer(path, parts, options),
        gate=HeldOutGate(parts["test"], _allowed(options)),
        base_counts=counts_of(parts["train"], taxonomy),
    )


def _trainer(path: Path, base: Mapping[Split, Sequence[LabelledText]], options: Options) -> Trainer:
    plan = LinearPlan(weight=options.weight)
    if bundle.read(path)[0].kind == BLEND and not options.linear:
        return BlendTrainer.of_bundle(path, base, plan)
    return LinearTrainer.of_bundle(path, base, plan)


def _allowed(options: Options) -> Metrics:
    if options.tolerance is None:
        return suite_losses(load_suite())
    return dict.fromkeys(MEASURED, options.tolerance)


def _sample(texts: list[LabelledText], size: int | None) -> list[LabelledText]:
    """The first so many in order of a hash, so that a larger sample contains the smaller."""
    ordered = sorted(texts, key=lambda t: hashlib.sha256(f"sample {t.id}".encode()).digest())
    kept = {item.id for item in ordered[:size]}
    return [item for item in texts if item.id in kept]
