"""Fine-tune an encoder on all heads of a taxonomy at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from data.errors import InputError
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from model.encoder.network import HEADS, EncoderNetwork
from model.pretrained.importer import TOKENIZER, open_tokenizer
from training.encoder.checkpoint import RunFolder
from training.encoder.config import EncoderConfig, RunConfig, check_heads, dump
from training.encoder.layers import depth, open_encoder
from training.encoder.loop import Callbacks, Loop, Objective
from training.encoder.losses import GoldLoss, Logits, rdrop
from training.encoder.probe import fit_heads, pooled_of
from training.encoder.score import figures, logits_of
from training.encoder.targets import targets
from training.encoder.texts import Batch, Encode, Epochs, encoder_of, noise_of


@dataclass(frozen=True, slots=True)
class Trained:
    """`path` holds the best model with its tokenizer; `history` one entry an epoch."""

    path: Path
    history: tuple[dict[str, Any], ...]

    @property
    def best(self) -> dict[str, Any]:
        """The epoch that `path` is of."""
        return max(self.history, key=lambda row: float(row["score"]))


def fine_tune(
    train: Sequence[LabelledText],
    dev: Sequence[LabelledText],
    taxonomy: Taxonomy,
    config: EncoderConfig,
    folder: Path,
    *,
    resume: bool = False,
    callbacks: Callbacks | None = None,
) -> Trained:
    """Train on `train`, choose the epoch on `dev`, write the run into `folder`.

    Raises InputError for too few texts or a head the taxonomy lacks, NotFoundError for an encoder
    that is not there, ConflictError for a folder that holds another run.
    """
    check_heads(config, set(taxonomy.by_name))
    tokenizer = open_tokenizer(config.model.encoder)
    torch.manual_seed(config.run.seed)
    network, new = build(taxonomy, config)
    task = Task(network, tokenizer, taxonomy, config, tuple(train), tuple(dev), new_heads=new)
    return task.train(gold_objective(task), folder, resume=resume, callbacks=callbacks)


def build(taxonomy: Taxonomy, config: EncoderConfig) -> tuple[EncoderNetwork, bool]:
    """The network, and whether its heads are new: an encoder's own are kept where they match."""
    sizes = {head.name: len(head.leaves) for head in taxonomy.heads}
    network = EncoderNetwork(open_encoder(config.model), sizes, dropout=config.model.head_dropout)
    saved = Path(config.model.encoder) / HEADS
    if not saved.is_file() or json.loads(saved.read_text(encoding="utf-8")) != sizes:
        return network, True
    network.heads.load_state_dict(EncoderNetwork.load(saved.parent).heads.state_dict())
    return network, False


@dataclass(frozen=True)
class Task:
    """A network with its data: what fine-tuning and distillation have in common."""

    network: EncoderNetwork
    tokenizer: Tokenizer
    taxonomy: Taxonomy
    config: EncoderConfig
    texts: tuple[LabelledText, ...]
    dev: tuple[LabelledText, ...]
    source: str = ""
    new_heads: bool = True

    def __post_init__(self) -> None:
        for name, texts in (("train", self.texts), ("dev", self.dev)):
            if not texts:
                raise InputError("expected at least one text", field=f"split {name}")

    @property
    def pad(self) -> int:
        """The id that pads."""
        return int(self.network.encoder.config.pad_token_id or 0)

    @property
    def encode(self) -> Encode:
        """From texts to ids."""
        most = min(self.config.model.max_tokens, positions(self.network))
        return encoder_of(self.tokenizer, most)

    def epochs(self) -> Epochs:
        """The training texts as batches."""
        return Epochs(
            [item.text for item in self.texts],
            self.encode,
            self.config.batch,
            pad=self.pad,
            seed=self.config.run.seed,
            noise=noise_of(self.config.noise),
            noise_share=self.config.noise.share,
        )

    def train(
        self,
        objective: Objective,
        folder: Path,
        *,
        resume: bool,
        callbacks: Callbacks | None = None,
    ) -> Trained:
        """Run the loop on `objective`."""
        run = RunFolder(folder, fingerprint(self.config, [*self.texts, *self.dev], self.source))
        run.prepare(dump(self.config), resume=resume)
        data = self.epochs()
        if self.new_heads and self.config.optimiser.probe and not run.begun:
            self._probe(data)
        loop = Loop(
            network=self.network,
            depth=depth(self.network.encoder),
            data=data,
            objective=objective,
            score=self._score(),
            save_model=self._save,
            config=self.config,
            folder=run,
            callbacks=callbacks or Callbacks(),
        )
        return Trained(run.best, tuple(loop.run()))

    def _score(self) -> Callable[[], dict[str, float]]:
        ids = self.encode([item.text for item in self.dev])
        wanted = targets(self.dev, self.taxonomy, self.config.loss)
        gold = {name: found.gold for name, found in wanted.items()}

        def score() -> dict[str, float]:
            logits = logits_of(self.network, ids, pad=self.pad, batch=self.config.batch)
            return figures(logits, gold)

        return score

    def _probe(self, data: Epochs) -> None:
        config = self.config
        pooled = pooled_of(
            self.network, data.plain, pad=self.pad, batch=config.batch, bf16=config.run.bf16
        )
        wanted = targets(self.texts, self.taxonomy, config.loss)
        fit_heads(self.network, pooled, wanted, config.optimiser.probe)

    def _save(self, path: Path) -> None:
        self.network.save(path)
        self.tokenizer.save(str(path / TOKENIZER))


def gold_objective(task: Task) -> Objective:
    """The labels' loss, with R-Drop where it is configured."""
    gold = GoldLoss(
        targets(task.texts, task.taxonomy, task.config.loss), task.taxonomy, task.config.loss
    )
    config = task.config.loss

    def objective(batch: Batch) -> Tensor:
        def forward() -> Logits:
            return task.network(batch.ids, batch.mask).logits  # type: ignore[no-any-return, unused-ignore]

        if config.regulariser == "rdrop":
            return rdrop(forward, lambda logits: gold(logits, batch.rows), config.strength)
        return gold(forward(), batch.rows)

    return objective


def positions(network: EncoderNetwork) -> int:
    """The longest input the encoder takes, in tokens."""
    return int(getattr(network.encoder.config, "max_position_embeddings", 512))


def fingerprint(config: EncoderConfig, texts: Sequence[LabelledText], source: str = "") -> str:
    """Stands for everything that decides a run's outcome; how often it saves does not."""
    same = RunConfig(seed=config.run.seed, patience=config.run.patience, bf16=config.run.bf16)
    digest = hashlib.sha256(f"{dump(replace(config, run=same))}\0{source}".encode())
    for item in texts:
        digest.update(f"{item.id}\0{item.text}\0{sorted(item.labels.items())}".encode())
        digest.update(f"\0{sorted(item.alternatives.items())}\0".encode())
    return digest.hexdigest()
