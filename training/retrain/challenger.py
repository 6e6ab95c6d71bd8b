"""What can be trained, as two steps that can each be done again: train, then export a bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from data.errors import InputError
from data.labelled import LabelledText
from data.splits import partition
from data.taxonomy.schema import Taxonomy
from model import bundle
from model.blend.runtime import KIND as BLEND
from model.linear.runtime import KIND as LINEAR
from model.linear.runtime import LinearWeights
from model.registry.registry import Registry
from training.fit import Recipe, check_splits, finish_linear
from training.linear import train
from training.retrain.plan import RetrainPlan
from training.retrain.start import Start
from training.retrain.steps import Output
from training.tracking import Tracker

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """What a challenger is made of: all texts with their splits, and the taxonomy as bytes too."""

    texts: Sequence[LabelledText]
    taxonomy: Taxonomy
    taxonomy_bytes: bytes


class Challenger(Protocol):
    """One way to make a bundle of labelled texts."""

    @property
    def kind(self) -> str:
        """The bundle's kind."""
        ...

    def settings(self) -> dict[str, Any]:
        """Everything besides the data that its outcome depends on, as JSON values."""
        ...

    def train(self, material: Material, folder: Path, tracker: Tracker, tell: Tell) -> Output:
        """Learn from the train split; what was learnt stays in `folder`."""
        ...

    def export(
        self, material: Material, folder: Path, target: Path, created_at: datetime, tell: Tell
    ) -> bundle.Manifest:
        """Calibrate what `folder` holds on the dev split and write the bundle at `target`."""
        ...


@dataclass(frozen=True)
class LinearChallenger:
    """The linear model. Always fitted afresh.

    Its loss is convex, so where it starts changes how long it takes, not where it ends.
    """

    recipe: Recipe = field(default_factory=Recipe)

    @property
    def kind(self) -> str:
        """The bundle's kind."""
        return LINEAR

    def settings(self) -> dict[str, Any]:
        """Hyper-parameters and promise."""
        return asdict(self.recipe)

    def train(self, material: Material, folder: Path, tracker: Tracker, tell: Tell) -> Output:
        """Fit one regression a head and keep the arrays."""
        parts = partition(material.texts)
        check_splits(parts, material.taxonomy)
        config = self.recipe.config
        weights = train(
            parts["train"], material.taxonomy, config, lambda head: tell(f"training {head}")
        )
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, content in weights.files().items():
            paths.append(folder / name)
            paths[-1].write_bytes(content)
        tracker.metrics("training", {"features": float(len(weights.vocabulary))})
        return Output({"features": len(weights.vocabulary)}, tuple(paths))

    def export(
        self, material: Material, folder: Path, target: Path, created_at: datetime, tell: Tell
    ) -> bundle.Manifest:
        """Calibrate and write."""
        weights = LinearWeights.load(folder, [head.name for head in material.taxonomy.heads])
        return finish_linear(
            weights,
            material.texts,
            material.taxonomy,
            material.taxonomy_bytes,
            target,
            self.recipe,
            tell,
            created_at,
        )


def challenger_of(plan: RetrainPlan, start: Start) -> Challenger:
    """The challenger that a plan asks for."""
    if start.kind == BLEND:
        from training.retrain.blend import BlendChallenger

        return BlendChallenger(_champion(plan, start))
    if start.kind != "encoder":
        return LinearChallenger()
    from training.encoder.config import DEFAULT, load
    from training.retrain.encoder import EncoderChallenger

    config = load(plan.config or DEFAULT)
    if start.checkpoint is None:
        return EncoderChallenger(config)
    return EncoderChallenger.from_checkpoint(config, start.checkpoint)


def _champion(plan: RetrainPlan, start: Start) -> Path:
    """The bundle whose encoder a blend keeps. Raises InputError where there is none to keep."""
    where = "a new encoder: `suda train --model encoder`, then `suda models add`"
    if start.champion is None or not plan.warm:
        raise InputError(
            f"a blend keeps the champion's encoder, expected one; {where}", field="model"
        )
    path = Registry(plan.registry).bundle_of(start.champion)
    if (kind := bundle.read(path)[0].kind) != BLEND:
        raise InputError(
            f"the champion is of kind {kind}, expected {BLEND}; {where}", field="model"
        )
    return path


ChallengerOf = Callable[[RetrainPlan, Start], Challenger]
