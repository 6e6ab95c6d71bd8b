"""The loop: epochs of batches, one optimiser, checkpoints, early stopping.

It knows nothing of heads or teachers: an `Objective` turns a batch into a loss per text, a `Score`
turns the network into development figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.encoder.adversary import fgm
from training.encoder.checkpoint import RunFolder, write_directory
from training.encoder.config import EncoderConfig
from training.encoder.optimiser import adamw, clip, factor, groups, set_rates
from training.encoder.precision import autocast
from training.encoder.texts import Batch, Epochs

# Loss per text of a batch, (batch,).
Objective = Callable[[Batch], Tensor]
# Development figures by name; `score` among them is what early stopping watches.
Score = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Tick:
    """What a progress bar shows after each step; rates are since the run began or went on."""

    step: int
    steps: int
    epoch: int
    loss: float
    texts_per_second: float
    tokens_per_second: float
    seconds_left: float


def _nothing(_: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Who is told: `on_step` after each optimiser step, `on_epoch` with each epoch's figures."""

    on_step: Callable[[Tick], None] = _nothing
    on_epoch: Callable[[Mapping[str, Any]], None] = _nothing


@dataclass(slots=True)
class _Speed:
    began: float = field(default_factory=time.perf_counter)
    texts: int = 0
    tokens: int = 0
    padded: int = 0
    steps: int = 0

    def add(self, batch: Batch) -> None:
        self.texts += len(batch.rows)
        self.tokens += batch.tokens
        self.padded += batch.mask.numel()

    @property
    def seconds(self) -> float:
        return max(time.perf_counter() - self.began, 1e-9)


@dataclass
class Loop:
    """One run. `save_model` writes the network where it is told to."""

    network: nn.Module
    depth: int
    data: Epochs
    objective: Objective
    score: Score
    save_model: Callable[[Path], None]
    config: EncoderConfig
    folder: RunFolder
    callbacks: Callbacks = field(default_factory=Callbacks)

    def run(self) -> list[dict[str, Any]]:
        """Train to the end, from the last checkpoint if there is one; the history by epoch."""
        if self.config.run.threads:
            torch.set_num_threads(self.config.run.threads)
        self._optimiser = adamw(groups(self.network, self.depth, self.config.optimiser))
        self._at = self.folder.restore(self.network, self._optimiser)
        per_epoch = -(-self.data.steps() // self.config.batch.accumulate)
        self._steps = per_epoch * self.config.optimiser.epochs
        self._speed, self._saved = _Speed(), time.perf_counter()
        while not self._at.finished:
            self._epoch()
            self._close_epoch()
        return self._at.history

    def _epoch(self) -> None:
        self.network.train()
        size = self.config.batch.accumulate
        batches = self.data.batches(self._at.epoch, self._at.batch)
        for start in range(0, len(batches), size):
            self._step([make() for make in batches[start : start + size]])
            if time.perf_counter() - self._saved > self.config.run.save_every:
                self._save()

    def _step(self, batches: list[Batch]) -> None:
        config = self.config.optimiser
        set_rates(self._optimiser, factor(self._at.step, self._steps, config.warmup))
        # Each text counts alike, be it in a batch of few long or of many short ones.
        scale = 1.0 / (self.config.batch.texts * self.config.batch.accumulate)
        loss = sum(self._backward(batch, scale) for batch in batches)
        clip(self.network.parameters(), config.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._at.step += 1
        self._at.batch += len(batches)
        self._at.loss += loss
        self._speed.steps += 1
        self.callbacks.on_step(self._tick(loss / sum(len(batch.rows) for batch in batches)))

    def _backward(self, batch: Batch, scale: float) -> float:
        loss = self._loss(batch)
        torch.autograd.backward(loss * scale)
        if self.config.loss.regulariser == "fgm":
            with fgm(self.network, self.config.loss.strength):
                torch.autograd.backward(self._loss(batch) * scale)
        self._speed.add(batch)
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        with autocast(self.config.run.bf16):
            return self.objective(batch).sum()

    def _tick(self, loss: float) -> Tick:
        speed = self._speed
        left = max(self._steps - self._at.step, 0)
        return Tick(
            step=self._at.step,
            steps=self._steps,
            epoch=self._at.epoch,
            loss=loss,
            texts_per_second=speed.texts / speed.seconds,
            tokens_per_second=speed.tokens / speed.seconds,
            seconds_left=left * speed.seconds / speed.steps,
        )

    def _close_epoch(self) -> None:
        at, config = self._at, self.config
        self.network.eval()
        figures = dict(self.score())
        better = figures["score"] > at.best
        at.best, at.bad = (figures["score"], 0) if better else (at.best, at.bad + 1)
        row = {"epoch": at.epoch, "step": at.step, "loss": at.loss / len(self.data), **figures}
        row |= self._rates()
        at.history.append(row)
        at.epoch, at.batch, at.loss = at.epoch + 1, 0, 0.0
        at.finished = at.epoch >= config.optimiser.epochs or 0 < config.run.patience <= at.bad
        if better:
            write_directory(self.folder.best, self.save_model)
        self._save()
        self.callbacks.on_epoch(row)

    def _rates(self) -> dict[str, float]:
        speed = self._speed
        return {
            "texts_per_second": round(speed.texts / speed.seconds, 2),
            "tokens_per_second": round(speed.tokens / speed.seconds, 1),
            "padding": round(1.0 - speed.tokens / max(speed.padded, 1), 4),
        }

    def _save(self) -> None:
        self.folder.save(self.network, self._optimiser, self._at)
        self._saved = time.perf_counter()
