"""A run folder that survives being killed at any instant.

`last.pt` has everything training needs to go on as if nothing had happened; `model-best/` is the
best model so far as a loadable checkpoint. Both are written beside their place and renamed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data.errors import ConflictError

LAST, BEST, METRICS, CONFIG = "last.pt", "model-best", "metrics.jsonl", "config.toml"


@dataclass(slots=True)
class Progress:
    """Where training stands: `step` optimiser steps done, `batch` the next batch of `epoch`.

    `best` is the best development score, `bad` the epochs since, `history` one entry an epoch.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: float = float("-inf")
    bad: int = 0
    finished: bool = False
    loss: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run on disk; `fingerprint` stands for its configuration and data."""

    path: Path
    fingerprint: str

    @property
    def best(self) -> Path:
        """The best model so far."""
        return self.path / BEST

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return (self.path / LAST).exists()

    def prepare(self, config: str, *, resume: bool) -> None:
        """Make the folder. Raises ConflictError where a run is there that is not to be resumed."""
        self.path.mkdir(parents=True, exist_ok=True)
        if self.begun and not resume:
            raise ConflictError(
                "holds a run already: resume it or name another folder", field=str(self.path)
            )
        _mend(self.best)
        write_text(self.path / CONFIG, config)

    def save(self, network: nn.Module, optimiser: torch.optim.Optimizer, at: Progress) -> None:
        """Write `last.pt` and the history."""
        state = {
            "fingerprint": self.fingerprint,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "progress": asdict(at),
        }
        target = self.path / LAST
        temporary = target.with_suffix(".tmp")
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        write_text(self.path / METRICS, "".join(json.dumps(row) + "\n" for row in at.history))

    def history(self) -> list[dict[str, Any]]:
        """One entry an epoch, as far as the run came; none where there is no run."""
        path = self.path / METRICS
        if not path.is_file():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def restore(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
        """Read `last.pt` into both; a fresh Progress where there is none.

        Raises ConflictError where it was made with another configuration or other data.
        """
        if not self.begun:
            return Progress()
        state = torch.load(self.path / LAST, weights_only=True)
        if state["fingerprint"] != self.fingerprint:
            raise ConflictError(
                "was begun with another configuration or other data", field=str(self.path / LAST)
            )
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        return Progress(**state["progress"])


def write_text(path: Path, content: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(content, encoding="utf-8")
    temporary.replace(path)


def write_directory(target: Path, fill: Callable[[Path], None]) -> None:
    """Have `fill` write into a temporary directory that then takes the place of `target`."""
    temporary, old = (target.with_name(f".{target.name}.{kind}") for kind in ("tmp", "old"))
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    fill(temporary)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    temporary.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _mend(target: Path) -> None:
    """Undo a replacement that was interrupted between its two renames."""
    old = target.with_name(f".{target.name}.old")
    if old.exists() and not target.exists():
        old.rename(target)
