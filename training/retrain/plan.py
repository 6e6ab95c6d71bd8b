"""What to retrain on, how, and what may come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data.taxonomy.load import DEFAULT_PATH
from model.registry.resolve import DEFAULT as REGISTRY

Kind = Literal["linear", "encoder", "blend"]


@dataclass(frozen=True, slots=True)
class RetrainPlan:
    """One retraining.

    `data` is a snapshot, or labelled texts that a snapshot is made of; its test split judges,
    unless `cases` names other labelled texts. `kind` None takes the champion's. `warm` lets an
    encoder go on from the champion's checkpoint where that still exists. `config` is an encoder's
    TOML file, `suite` a suite's. `who` and `why` go into the promotion log. `masked` says that
    `data` holds no personal data and need not be masked. `report` draws the suite's page and plots.
    """

    data: Path
    taxonomy: Path = DEFAULT_PATH
    registry: Path = REGISTRY
    runs: Path = Path("var/runs")
    snapshots: Path = Path("var/snapshots")
    heldout: Path = Path("var/heldout")
    kind: Kind | None = None
    warm: bool = True
    promote: bool = False
    who: str = "suda"
    why: str = "retrained"
    cases: Path | None = None
    config: Path | None = None
    suite: Path | None = None
    name: str | None = None
    masked: bool = False
    report: bool = True
    mlflow: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    `refused` has a paragraph per gate that stopped the challenger: metric, class or slice, the
    numbers and the worst examples. `flags` counts what the data checks found, by kind of issue.
    `notes` are what a person should know besides.
    """

    run: Path
    snapshot: str
    version: str
    champion: str | None
    passed: bool
    refused: tuple[str, ...]
    promoted: bool
    metrics: Mapping[str, Any]
    flags: Mapping[str, int]
    report: Path | None
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "run": str(self.run),
            "snapshot": self.snapshot,
            "version": self.version,
            "champion": self.champion,
            "passed": self.passed,
            "refused": list(self.refused),
            "promoted": self.promoted,
            "metrics": dict(self.metrics),
            "flags": dict(self.flags),
            "report": str(self.report) if self.report else None,
            "notes": list(self.notes),
        }
