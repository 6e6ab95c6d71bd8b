"""The encoder as a challenger: fine-tuned with checkpoints, exported to int8, calibrated after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from data.splits import partition
from model import bundle
from model.encoder.export import ExportOptions
from model.encoder.runtime import KIND as ENCODER
from training.encoder.checkpoint import BEST, METRICS
from training.encoder.config import EncoderConfig, as_dict
from training.encoder.finetune import fine_tune
from training.encoder.loop import Callbacks, Tick
from training.fit import check_splits
from training.fit_encoder import export_run
from training.retrain.challenger import Material, Tell
from training.retrain.steps import Output, tree_digest
from training.tracking import Tracker


@dataclass(frozen=True)
class EncoderChallenger:
    """`config.model.encoder` is where it starts: a pretrained encoder, or an earlier checkpoint."""

    config: EncoderConfig
    options: ExportOptions = field(default_factory=ExportOptions)

    @classmethod
    def from_checkpoint(
        cls, config: EncoderConfig, checkpoint: Path, options: ExportOptions | None = None
    ) -> EncoderChallenger:
        """Go on from a trained checkpoint, all of its layers and its heads."""
        warm = replace(config.model, encoder=str(checkpoint), layers=0)
        return cls(replace(config, model=warm), options or ExportOptions())

    @property
    def kind(self) -> str:
        """The bundle's kind."""
        return ENCODER

    def settings(self) -> dict[str, Any]:
        """The resolved configuration, and what the encoder it starts from holds."""
        start = Path(self.config.model.encoder)
        return {
            "config": as_dict(self.config),
            "export": asdict(self.options),
            "start": tree_digest(start) if start.is_dir() else str(start),
        }

    def train(self, material: Material, folder: Path, tracker: Tracker, tell: Tell) -> Output:
        """Fine-tune; a run that was killed goes on from its last checkpoint."""
        parts = partition(material.texts)
        check_splits(parts, material.taxonomy)

        def tick(now: Tick) -> None:
            tell(f"step {now.step}/{now.steps}, loss {now.loss:.3f}")

        trained = fine_tune(
            parts["train"],
            parts["dev"],
            material.taxonomy,
            self.config,
            folder,
            resume=True,
            callbacks=Callbacks(tick),
        )
        for epoch, row in enumerate(trained.history):
            tracker.metrics("epochs", _figures(row), epoch)
        values = {"best": dict(trained.best), "epochs": len(trained.history)}
        return Output(values, (trained.path, folder / METRICS))

    def export(
        self, material: Material, folder: Path, target: Path, created_at: datetime, tell: Tell
    ) -> bundle.Manifest:
        """Quantise, calibrate on the quantised graph, and write."""
        rows = _history(folder)
        about = {"best": max(rows, key=lambda row: float(row["score"])), "epochs": len(rows)}
        return export_run(
            folder / BEST,
            material.texts,
            material.taxonomy_bytes,
            target,
            about,
            self.options,
            tell,
            created_at,
        )


def _history(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / METRICS).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _figures(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in row.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
